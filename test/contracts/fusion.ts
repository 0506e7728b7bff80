// What every `Fusion` promises. Run on both forms of a simulated peer's and both forms of a node's; all of them must
// come to the digests of the bare arithmetic below.
import assert from 'node:assert/strict';
import {
  applyGeneration,
  codecNamed,
  createRandom,
  generationRule,
  initialWeights,
  layoutOf,
} from '../../fusion/index.ts';
import { hashOf } from '../../node/hash.ts';
import {
  FOREIGN_CODEC,
  type FusedGeneration,
  type Fusion,
  type FusionPart,
  type FusionPlan,
  generationParts,
  type Hash,
  initialSeedOf,
  meshIdOf,
  type PortEvent,
  parseManifestConfig,
  stateBytes,
} from '../../protocols/index.ts';

export interface FusionUnderTest {
  port(deliver: (event: PortEvent) => void): Fusion;
  /** Lets a millisecond pass. */
  pass(): Promise<void>;
  close(): Promise<void>;
}

const HORIZON = 8;
const PASSES_MAX = 10_000;
const { manifest: parsed } = parseManifestConfig({
  name: 'fusion',
  model: 'mlp:8',
  data: { inputs: 6, classes: 3 },
  codec: 'top20:8',
  // Not by samples, as all other tests have it: every form must have been told of the rule.
  aggregation: { rule: 'equal|mean' },
});
assert(parsed !== undefined);
/** What `make` is to build its fusion from. A shorter horizon than a mesh may have: more happens in fewer generations. */
export const manifest = { ...parsed, history: { ...parsed.history, horizon: HORIZON } };
export const meshId = meshIdOf(manifest, hashOf);
const layout = layoutOf(manifest.model);
const rule = generationRule(manifest.aggregation.rule);
const codec = codecNamed(manifest.codec) ?? assert.fail('no such codec');
const initial = initialWeights(manifest.model, initialSeedOf(meshId));

type Generation = FusionPlan['generations'][number];

/** Three contributors' deltas, always the same ones; `variant` gives others. */
function generationOf(generation: number, variant = 'plain'): Generation {
  const parts = [1, 2, 3].map((author): FusionPart => {
    const name = variant === 'mixed' && author > 1 ? FOREIGN_CODEC : undefined;
    const by = codecNamed(name ?? manifest.codec) ?? assert.fail('no such codec');
    const random = createRandom(`${variant} ${generation} ${author}`);
    const delta = Float32Array.from({ length: layout.size }, () => random.float() - 0.5);
    const payload = by.encode(delta, layout, random);
    return { id: hashOf(payload), payload, samples: 10 * author, codec: name };
  });
  return { generation, parts: parts.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

const generations = (first: number, last: number): readonly Generation[] =>
  Array.from({ length: last - first + 1 }, (_, index) => generationOf(first + index));

/** The digests of the states after each generation from the initial weights, by the arithmetic alone. */
function straightRun(line: readonly Generation[]): readonly FusedGeneration[] {
  const [S, m] = [initial.slice(), new Float32Array(layout.size)];
  const scratch = new Float64Array(layout.size);
  return line.map(({ generation, parts }) => {
    const own = generationParts(parts);
    if (parts.length > 0)
      applyGeneration({
        S,
        m,
        parts: own,
        codec,
        layout,
        ...manifest.aggregation,
        rule: rule(generation),
        scratch,
      });
    return { generation, model: modelDigest(S), state: hashOf(stateBytes(S, m)) };
  });
}

const modelDigest = (model: Float32Array): Hash => hashOf(stateBytes(model, new Float32Array(0)));

/** Asks as a machine does, and notes what can be read at the moment of each answer. */
class FusionAsker {
  readonly port: Fusion;
  readonly answers: { readonly event: PortEvent; readonly model: Hash }[] = [];
  readonly #world: FusionUnderTest;
  readonly #open = new Set<number>();
  #ticket = 0;
  #isAsking = false;

  constructor(world: FusionUnderTest) {
    this.#world = world;
    this.port = world.port((event) => {
      assert(!this.#isAsking, 'an answer came from inside the call');
      assert('ticket' in event && this.#open.delete(event.ticket), 'every question is answered once');
      this.answers.push({ event, model: modelDigest(this.port.model()) });
    });
  }

  ask(call: (ticket: number) => void): void {
    this.#open.add(++this.#ticket);
    this.#isAsking = true;
    call(this.#ticket);
    this.#isAsking = false;
  }

  /** The last answer, once everything is answered; `meanwhile` is called until then. */
  async settled(meanwhile: () => void = () => undefined): Promise<PortEvent> {
    for (let passes = 0; this.#open.size > 0; passes++) {
      assert(passes < PASSES_MAX, 'every question is answered');
      meanwhile();
      await this.#world.pass();
    }
    await this.#world.pass();
    return this.answers.at(-1)?.event ?? assert.fail('nothing was asked');
  }

  async fuse(rollbackTo: number, line: readonly Generation[]): Promise<readonly FusedGeneration[]> {
    this.ask((ticket) => this.port.fuse({ ticket, rollbackTo, generations: line }));
    const event = await this.settled();
    assert(event.kind === 'fused', event.kind === 'failed' ? event.error : event.kind);
    return event.generations;
  }
}

type GetAsker = () => FusionAsker;

/** Registers the suite. `make` opens a fusion at the initial weights of the manifest above. */
export function fusionContract(name: string, make: () => FusionUnderTest): void {
  describe(`the fusion contract: ${name}`, () => {
    let world: FusionUnderTest;
    let asker: FusionAsker;
    beforeEach(() => {
      world = make();
      asker = new FusionAsker(world);
    });
    afterEach(() => world.close());

    advancing(() => asker);
    rollingBack(() => asker);
    reading(() => asker);
  });
}

function advancing(current: GetAsker): void {
  it('begins at the initial weights, without momentum, and can come back to them', () => {
    const { port } = current();
    assert.deepEqual([...port.model()], [...initial]);
    assert(port.momentum().every((value) => value === 0));
    assert.equal(port.snapshotAtOrBelow(0), 0);
    assert.deepEqual([...(port.snapshot(0)?.model ?? [])], [...initial]);
  });

  it('names each generation by SHA-256 of S and of S followed by m, as the bare arithmetic has them', async () => {
    const asker = current();
    const line = generations(1, 5);
    const fused = [...(await asker.fuse(0, line.slice(0, 2))), ...(await asker.fuse(2, line.slice(2)))];
    assert.deepEqual(fused, straightRun(line));
    const { port } = asker;
    assert.equal(modelDigest(port.model()), fused[4].model);
    assert.equal(hashOf(stateBytes(port.model(), port.momentum())), fused[4].state);
  });

  it('adds each part by its own codec where a generation has parts of two', async () => {
    const line = [generationOf(1, 'mixed'), generationOf(2), generationOf(3, 'mixed')];
    const expected = straightRun(line);
    assert.deepEqual(await current().fuse(0, line), expected);
    const [S, m] = [initial.slice(), new Float32Array(layout.size)];
    for (const { parts } of line) {
      const dense = parts.map((part) => {
        const values = new Float64Array(layout.size);
        const by = codecNamed(part.codec ?? manifest.codec) ?? assert.fail('no such codec');
        by.addTo(values, part.payload, 1, layout);
        return values;
      });
      const { outerMomentum, outerLearningRate } = manifest.aggregation;
      for (let i = 0; i < layout.size; i++) {
        const a = Math.fround(dense.reduce((total, values) => total + values[i], 0) / 3);
        m[i] = Math.fround(outerMomentum * m[i] + a);
        S[i] = Math.fround(S[i] + outerLearningRate * (a + outerMomentum * m[i]));
      }
    }
    assert.equal(hashOf(stateBytes(S, m)), expected[2].state);
  });

  it('leaves S and m alone in a generation without parts', async () => {
    const [before, after] = await current().fuse(0, [generationOf(1), { generation: 2, parts: [] }]);
    assert.deepEqual(after, { ...before, generation: 2 });
  });

  it('answers failed for a plan that leaves a generation out, and goes on with a better one', async () => {
    const asker = current();
    await asker.fuse(0, generations(1, 2));
    asker.ask((ticket) => asker.port.fuse({ ticket, rollbackTo: 2, generations: [generationOf(4)] }));
    assert.equal((await asker.settled()).kind, 'failed');
    assert.deepEqual(await asker.fuse(2, [generationOf(3)]), straightRun(generations(1, 3)).slice(2));
  });
}

function rollingBack(current: GetAsker): void {
  it('comes from any copy of the horizon to the bytes of a straight run, with another past too', async () => {
    const asker = current();
    const line = generations(1, 22);
    await asker.fuse(0, line);
    for (let changed = 22; changed > 22 - HORIZON; changed--) {
      const start = asker.port.snapshotAtOrBelow(changed - 1);
      assert(start !== undefined && start < changed);
      const other = line.with(changed - 1, generationOf(changed, 'another'));
      assert.deepEqual(await asker.fuse(start, other.slice(start)), straightRun(other).slice(start));
      const again = asker.port.snapshotAtOrBelow(changed - 1);
      assert(again !== undefined);
      assert.deepEqual(await asker.fuse(again, line.slice(again)), straightRun(line).slice(again));
    }
  });

  it('has the horizon to roll back to, the head itself, and nothing under its oldest copy', async () => {
    const { port } = current();
    await current().fuse(0, generations(1, 30));
    assert.equal(port.snapshotAtOrBelow(30), 30);
    assert.equal(port.snapshotAtOrBelow(99), 30);
    for (let generation = 30 - HORIZON; generation < 30; generation++) {
      const found = port.snapshotAtOrBelow(generation);
      assert(found !== undefined && found <= generation);
    }
    assert.equal(port.snapshotAtOrBelow(5), undefined);
    assert.equal(port.snapshot(5), undefined);
  });

  it('holds S and m of the generations that it comes back to', async () => {
    const { port } = current();
    const fused = await current().fuse(0, generations(1, 13));
    for (let generation = 13 - HORIZON; generation < 13; generation++) {
      const kept = port.snapshotAtOrBelow(generation) ?? assert.fail();
      const copy = port.snapshot(kept) ?? assert.fail();
      assert.equal(hashOf(stateBytes(copy.model, copy.momentum)), fused[kept - 1].state);
    }
  });

  it('goes on from an adopted state, as it was at the call, which is then the oldest', async () => {
    const asker = current();
    const line = generations(1, 6);
    await asker.fuse(0, line.slice(0, 4));
    const [S, m] = [asker.port.model().slice(), asker.port.momentum().slice()];
    await asker.fuse(4, generations(5, 9));
    asker.ask((ticket) => asker.port.adopt(4, S, m, ticket));
    S.fill(1);
    const event = await asker.settled();
    assert(event.kind === 'fused');
    const expected = straightRun(line);
    assert.deepEqual(event.generations, [expected[3]]);
    assert.deepEqual(
      [asker.port.snapshotAtOrBelow(3), asker.port.snapshotAtOrBelow(4), asker.port.snapshotAtOrBelow(9)],
      [undefined, 4, 4],
    );
    assert.deepEqual(await asker.fuse(4, line.slice(4)), expected.slice(4));
  });
}

function reading(current: GetAsker): void {
  it('shows the state of the last answer for as long as a plan is under way', async () => {
    const asker = current();
    const { port } = asker;
    const [first] = await asker.fuse(0, generations(1, 1));
    asker.ask((ticket) => port.fuse({ ticket, rollbackTo: 1, generations: generations(2, 200) }));
    let looks = 0;
    await asker.settled(() => {
      looks++;
      assert.equal(hashOf(stateBytes(port.model(), port.momentum())), first.state);
      assert.equal(port.snapshotAtOrBelow(99), 1);
    });
    assert(looks > 0);
    assert.equal(modelDigest(port.model()), straightRun(generations(1, 200))[199].model);
  });

  it('takes a state to adopt while a plan is under way, and shows at each answer what it answers', async () => {
    const asker = current();
    const line = generations(1, 40);
    asker.ask((ticket) => asker.port.fuse({ ticket, rollbackTo: 0, generations: line }));
    asker.ask((ticket) => asker.port.adopt(7, initial, initial, ticket));
    await asker.settled();
    assert.deepEqual(
      asker.answers.map(({ model }) => model),
      [straightRun(line)[39].model, modelDigest(initial)],
    );
    assert.equal(asker.port.snapshotAtOrBelow(39), 7);
  });
}
