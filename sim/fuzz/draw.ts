// A world drawn from a seed, as plain data: a few members with small models, a bad network, and faults that overlap. Each
// part draws from a stream of its own, so that a new kind of trouble does not change the others of a known seed.
import { createRandom, type Random } from '../../fusion/index.ts';
import { parseScenario, type Scenario, type ScenarioInput } from '../scenario.ts';
import { drawAttackers } from './draw-attackers.ts';
import { drawFaults } from './draw-faults.ts';
import { between, oneOf, wholeBetween } from './drawing.ts';

/** Few members find what many find, and sooner. */
const PEERS = [3, 9] as const;
/** Virtual time is cheap: a world that has not agreed by then is stuck. */
const END_MS = 3_000_000;

/** With these, worlds of a minute seal generations and copy states. Below 28, which is how old the newest copy on disk may
 * be, members whose sealed pasts differ have nothing to compare them by. */
const SHORT_HORIZON = [16, 36] as const;

/** Less of it in short histories: what is lost for a whole horizon is sealed without, and then members differ for good. */
const LOSSES = [0, 0.05, 0.15, 0.3] as const;
/** Where more is lost, half of all comparisons with a neighbour come to nothing, and members that move apart meanwhile
 * compare their last generations only: what is older waits until two stand at the same one. */
const LOSS_HEALED_SOON = 0.1;
const SLOW_CHECKS = { healGenerations: 24, patienceMs: 300_000 } as const;

/** The world of a seed: the same for the same text, whoever asks. */
export function drawScenario(seed: string): Scenario {
  const random = createRandom(`fuzz ${seed}`);
  const peers = wholeBetween(random.fork('peers'), PEERS);
  const roundMs = between(random.fork('round'), [100, 1_500]);
  const isShort = random.fork('horizon').below(3) === 0;
  const horizon = isShort ? wholeBetween(random.fork('short horizon'), SHORT_HORIZON) : 64;
  // 0: every payload is pulled as a blob of its own, and a lost answer costs ten seconds.
  const inlineBytes = oneOf(random.fork('inline'), [65_536, 65_536, 0]);
  const manifest = drawManifest(random.fork('manifest'), { horizon, inlineBytes });
  const loss = oneOf(random.fork('loss'), LOSSES) * (inlineBytes === 0 ? 1 / 6 : 1);
  const generations = wholeBetween(random.fork('generations'), isShort ? [horizon + 8, 56] : [8, 32]);
  const attackers = drawAttackers(random.fork('attackers'), peers);
  // About as long as the members learn, so that something happens to every part of a run.
  const stage = { peers, spanMs: roundMs * generations, hasAttackers: attackers.length > 0 };
  const input: ScenarioInput = {
    name: 'fuzz',
    seed,
    peers,
    manifest,
    learner: drawLearner(random.fork('learner')),
    compute: drawCompute(random.fork('compute'), roundMs),
    network: { ...drawNetwork(random.fork('network'), peers), loss },
    faults: drawFaults(random.fork('faults'), stage),
    attackers,
    end: { generations, maxMs: END_MS },
    checks: loss > LOSS_HEALED_SOON ? SLOW_CHECKS : {},
  };
  const parsed = parseScenario(input);
  if ('scenario' in parsed) return parsed.scenario;
  throw new Error(`the world of seed ${seed} is no scenario: ${parsed.problems.join('; ')}`);
}

function drawManifest(
  random: Random,
  { horizon, inlineBytes }: Readonly<Record<'horizon' | 'inlineBytes', number>>,
): Record<string, unknown> {
  const model = random.fork('model');
  const history = random.fork('history');
  const pace = random.fork('pace');
  const limits = random.fork('limits');
  return {
    model: `mlp:${wholeBetween(model, [1, 6])}`,
    data: { inputs: wholeBetween(model, [1, 6]), classes: wholeBetween(model, [2, 4]) },
    codec: drawCodec(random.fork('codec')),
    history: {
      correctionWindow: wholeBetween(history, [1, 4]),
      horizon,
    },
    pace: {
      quorum: oneOf(pace, [0.5, 0.5, 0.6, 0.67, 0.8, 0.9]),
      patience: oneOf(pace, [3, 3, 1.5]),
      patienceMinMs: oneOf(pace, [2_000, 500, 4_000]),
      patienceMaxMs: oneOf(pace, [60_000, 20_000]),
    },
    limits: {
      inlineBytes,
      generationsAhead: oneOf(limits, [8, 8, 3]),
    },
  };
}

/** Every family, the dense ones as often as the others: their sums show every difference of order. */
function drawCodec(random: Random): string {
  const family = oneOf(random, ['top', 'top', 'sign', 'int8', 'int4', 'float32']);
  return family === 'top' ? `top${wholeBetween(random, [5, 50])}:${oneOf(random, [8, 2, 1])}` : family;
}

function drawLearner(random: Random): ScenarioInput['learner'] {
  const least = wholeBetween(random, [10, 300]);
  const most = least + oneOf(random, [0, 100, 2_000]);
  return {
    kind: 'bowl',
    spread: between(random, [0, 3]),
    rate: between(random, [0.05, 0.5]),
    samples: [least, most],
  };
}

function drawCompute(random: Random, roundMs: number): ScenarioInput['compute'] {
  const slowest = oneOf(random, [1, 0.7, 0.3]);
  return {
    roundMs,
    speed: [slowest, 1],
    slowShare: oneOf(random, [0, 0, 0.3]),
    slowFactor: between(random, [2, 5]),
    drift: oneOf(random, [0, 0.001, 0.05]),
  };
}

function drawNetwork(random: Random, peers: number): ScenarioInput['network'] {
  const fastestMs = between(random, [1, 100]);
  // More than half of all, so that no two groups can have enough of one another and nobody of the others.
  const wanted = wholeBetween(random, [Math.ceil(peers / 2), peers - 1]);
  return {
    latencyMs: [fastestMs, fastestMs + between(random, [0, 900])],
    jitter: between(random, [0, 0.5]),
    duplicates: oneOf(random, [0, 0, 0.1, 0.3]),
    ...(random.below(4) === 0 && { bytesPerSecond: wholeBetween(random, [20_000, 500_000]) }),
    connections: [wanted, wanted + 8],
  };
}
