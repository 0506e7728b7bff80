// Worlds drawn from seeds, watched by all checkers. More of them:
// MELDMESH_WORLDS=300 npx mocha test/sim/fuzz.test.ts; others: MELDMESH_FROM=<seed>.
import assert from 'node:assert/strict';
import { drawScenario, type Failure, fuzz, parseScenario, type RunWorld, seedAt } from '../../sim/index.ts';

const worlds = Number(process.env.MELDMESH_WORLDS ?? 24);
const from = process.env.MELDMESH_FROM ?? '1';

const tell = ({ seed, violation }: Failure & { readonly seed: string }): string =>
  [
    ...(violation.lines ?? []).map(({ atMs, peer, kind, text }) => `${atMs} ${peer} ${kind} ${text}`),
    `${violation.checker}: ${violation.text}`,
    `again: npx meldmesh sim fuzz --from ${seed} --seeds 1`,
  ].join('\n');

/** A run that ends well at once. */
const WELL = { violation: undefined, agreed: true, traceHash: '0', virtualSeconds: 1, events: 1, peers: [] };

describe('a random world', () => {
  it(`breaks no promise, whatever its seed (${worlds} of them from ${from})`, async function () {
    this.timeout(4_000 + 2_000 * worlds);
    const report = await fuzz({ seeds: worlds, from });
    assert.deepEqual(report.failures.map(tell), []);
    assert.equal(report.worlds, worlds);
  });

  it('is a function of its seed, and differs from the next one', () => {
    assert.deepEqual(drawScenario('a'), drawScenario('a'));
    assert.notDeepEqual({ ...drawScenario('a'), seed: '' }, { ...drawScenario('b'), seed: '' });
  });

  it('is a scenario that a file can hold, with every kind of codec and fault among a few hundred', () => {
    const drawn = Array.from({ length: 300 }, (_, i) => drawScenario(String(i)));
    for (const scenario of drawn) {
      assert.deepEqual(parseScenario(JSON.parse(JSON.stringify(scenario))), { scenario });
    }
    const codecs = new Set(drawn.map(({ manifest }) => String(manifest.codec).replace(/^top.*/, 'top')));
    assert.deepEqual([...codecs].sort(), ['float32', 'int4', 'int8', 'sign', 'top']);
    const faults = new Set(drawn.flatMap((scenario) => scenario.faults.map(({ kind }) => kind)));
    assert.equal(faults.size, 8, [...faults].join(' '));
    assert(drawn.some(({ attackers }) => attackers.length > 0));
  });
});

describe('the search through random worlds', () => {
  it('begins with the seed that it is given, so that any world can be run again as the first', async () => {
    assert.deepEqual(
      [0, 1, 2].map((i) => seedAt('7', i)),
      ['7', '8', '9'],
    );
    const hash = '3141592653589793238462643383279502884197';
    assert.deepEqual([seedAt(hash, 0), seedAt(hash, 1)], [hash, `${hash}-1`]);
    const seen: string[] = [];
    await fuzz({
      seeds: 2,
      from: hash,
      run: async ({ seed }) => {
        seen.push(seed);
        return WELL;
      },
      twiceShare: 0,
    });
    assert.deepEqual(seen, [hash, `${hash}-1`]);
  });

  it('begins no world after its deadline', async () => {
    let nowMs = 0;
    const run: RunWorld = async () => {
      nowMs += 10;
      return WELL;
    };
    const { worlds: ran } = await fuzz({
      seeds: 100,
      run,
      twiceShare: 0,
      deadline: { nowMs: () => nowMs, untilMs: 35 },
    });
    assert.equal(ran, 4);
  });

  it('counts an exception, members that end apart, and a run that does not repeat itself as failures', async () => {
    let runs = 0;
    const broken: RunWorld = async () => {
      throw new Error('a machine fell over');
    };
    const apart: RunWorld = async () => ({ ...WELL, agreed: false });
    const restless: RunWorld = async () => ({ ...WELL, traceHash: String(runs++) });
    const checkers = [];
    for (const run of [broken, apart, restless]) {
      const { failures } = await fuzz({ seeds: 1, run, twiceShare: 1 });
      checkers.push(failures[0]?.violation.checker);
    }
    assert.deepEqual(checkers, [
      'nothing throws',
      'all honest members agree in the end',
      'a seed repeats its run',
    ]);
  });
});
