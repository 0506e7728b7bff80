// What a simulation is, as data: everything that a run depends on is here, so that a file and a seed repeat it. Unknown
// keys are refused.
import { z } from 'zod';

const positive = z.number().int().positive();
const count = z.number().int().min(0);
const ms = z.number().min(0);
const share = z.number().min(0).max(1);
const range = z.tuple([ms, ms]);

/** Two numbers of which the first is not above the second. */
const ascending = (number: z.ZodNumber) =>
  z.tuple([number, number]).refine(([low, high]) => low <= high, 'the first number is above the second');

const network = z.strictObject({
  /** Every pair has a latency of its own: between these, or with a twentieth of the pairs beyond either. */
  latencyMs: ascending(ms).default([5, 60]),
  /** `uniform` stays within `latencyMs`; `lognormal` and `pareto` have a long and a very long tail. */
  latencyShape: z.enum(['uniform', 'lognormal', 'pareto']).default('uniform'),
  jitter: share.default(0.2),
  loss: share.default(0),
  duplicates: share.default(0),
  /** Share of gossip that is delivered late, overtaken by what was sent after it, and by how much. */
  late: share.default(0),
  lateMs: ascending(ms).default([1_000, 5_000]),
  /** Of each uplink, or bounds between which each peer's is drawn; absent: no limit. */
  bytesPerSecond: z.union([z.number().positive(), ascending(z.number().positive())]).optional(),
  /** Connections that a peer looks for, and the most that it takes. */
  connections: ascending(positive).default([8, 96]),
  /** Bounds of a peer's gossip neighbours. */
  degree: ascending(positive).default([2, 3]),
});

const learner = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('bowl'),
    /** Optima are drawn from ± this around a common centre. */
    spread: z.number().min(0).default(1),
    rate: share.default(0.2),
    /** Samples of a member are drawn between these. */
    samples: z.tuple([positive, positive]).default([100, 1_000]),
  }),
  z.strictObject({
    kind: z.literal('train'),
    /** `mnist`, or a path that the host knows how to read. */
    data: z.string().default('mnist'),
    samples: positive.optional(),
    testSamples: positive.optional(),
    /** `iid`, `dirichlet:0.5` or `file:…`, as for `meldmesh mesh`. */
    partition: z.string().default('dirichlet:0.5'),
  }),
  z.strictObject({
    kind: z.literal('replay'),
    /** Recorded deltas; the mesh has their manifest. */
    file: z.string(),
    /** What models are scored on, as for `train`; absent: nothing. */
    data: z.string().optional(),
    testSamples: positive.optional(),
  }),
]);

const compute = z.strictObject({
  /** Virtual milliseconds of one round of the mean member; shares of the data make it longer or shorter. */
  roundMs: z.number().positive().default(1_000),
  /** Each member is by a factor between these as fast, drawn once. */
  speed: z.tuple([z.number().positive(), z.number().positive()]).default([1, 1]),
  /** Share of the members that are `slowFactor` times slower still. */
  slowShare: share.default(0),
  slowFactor: z.number().min(1).default(3),
  /** Clocks run by up to this share fast or slow. */
  drift: share.default(0),
});

/** Peers by number, from 0. */
const peers = z.array(count).min(1);

export const faultSchema = z.discriminatedUnion('kind', [
  /** The network falls into these groups; who is in none is with the first. */
  z.strictObject({ kind: z.literal('cut'), fromMs: ms, untilMs: ms, groups: z.array(peers).min(2) }),
  /** Without `restartMs` it never comes back, whatever other faults say. */
  z.strictObject({ kind: z.literal('kill'), peer: count, atMs: ms, restartMs: ms.optional() }),
  /** A random peer dies every so often, and comes back after as long. */
  z.strictObject({ kind: z.literal('churn'), fromMs: ms, untilMs: ms, everyMs: range }),
  /** Every peer is gone for this share of the time, in spells of this length. */
  z.strictObject({ kind: z.literal('offline'), fromMs: ms, untilMs: ms, share, spellMs: range }),
  /** These peers come only now. */
  z.strictObject({ kind: z.literal('join'), from: count, to: count, atMs: ms }),
  /** The disk takes no more than this, until there is room again and the peer is started anew. */
  z.strictObject({ kind: z.literal('full-disk'), peer: count, bytes: positive, untilMs: ms.optional() }),
  /**
   * The power goes at the peer's so manieth write and is back so much later. What was not synced is lost from some batch
   * on; the batch that was being written is there whole or not at all.
   */
  z.strictObject({ kind: z.literal('crash-at-write'), peer: count, write: positive, restartMs: ms }),
  /**
   * The peer is stopped, the last byte of a stored value whose key begins like this is flipped, and the peer is started
   * again. Where there is no such value it is a restart only.
   */
  z.strictObject({
    kind: z.literal('damage'),
    peer: count,
    prefix: z.string().min(1),
    atMs: ms,
    restartMs: ms,
  }),
]);
export type Fault = z.infer<typeof faultSchema>;

export const attackerSchema = z.strictObject({
  /** Name of a kind in `attackers/`. */
  kind: z.string(),
  /** Which peers, or the share of all that is drawn. */
  peers: peers.optional(),
  share: share.optional(),
  /** From this generation on. */
  fromGeneration: count.default(1),
  /** What the kind takes a number for: a factor, generations to hold back, bytes. */
  strength: z.number().optional(),
});
export type AttackerSetting = z.infer<typeof attackerSchema>;

export const scenarioSchema = z.strictObject({
  version: z.literal(1).default(1),
  name: z.string().min(1).max(80),
  /** What it is about, for people. */
  story: z.string().max(2_000).optional(),
  seed: z.string().default('1'),
  peers: positive.max(10_000),
  /** As in the file of `meldmesh init`: model, codec, training, pace, history, limits … */
  manifest: z.record(z.string(), z.unknown()).default({}),
  learner: learner.prefault({ kind: 'bowl' }),
  compute: compute.prefault({}),
  network: network.prefault({}),
  faults: z.array(faultSchema).default([]),
  attackers: z.array(attackerSchema).default([]),
  end: z
    .strictObject({
      /** Contributions stop here; then the honest peers have `healMs` to agree. */
      generations: positive.default(20),
      maxMs: z.number().positive().default(600_000),
    })
    .prefault({}),
  checks: z
    .strictObject({
      /** After the last fault, all honest peers have one digest within so many generations. */
      healGenerations: positive.default(8),
      /** While neighbours are reachable no honest peer stays at one generation for longer. */
      patienceMs: z.number().positive().default(120_000),
    })
    .prefault({}),
});

export type Scenario = z.infer<typeof scenarioSchema>;
export type ScenarioInput = z.input<typeof scenarioSchema>;

/** A scenario from anywhere outside, with defaults filled in; or what is wrong with it, a sentence each. */
export function parseScenario(
  value: unknown,
): { readonly scenario: Scenario } | { readonly problems: readonly string[] } {
  const parsed = scenarioSchema.safeParse(value);
  if (!parsed.success) {
    return {
      problems: parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'scenario'}: ${message}`),
    };
  }
  const { data: scenario } = parsed;
  const problems = scenario.faults.flatMap((fault, i) =>
    faultProblems(fault, scenario.peers).map((text) => `faults.${i}: ${text}`),
  );
  return problems.length === 0 ? { scenario } : { problems };
}

function faultProblems(fault: Fault, peerCount: number): string[] {
  const named =
    fault.kind === 'cut'
      ? fault.groups.flat()
      : 'peer' in fault
        ? [fault.peer]
        : fault.kind === 'join'
          ? [fault.from, fault.to]
          : [];
  const problems = named
    .filter((peer) => peer >= peerCount)
    .map((peer) => `there is no peer ${peer}, only ${peerCount}`);
  if ('fromMs' in fault && fault.untilMs < fault.fromMs) problems.push('it ends before it begins');
  if (fault.kind === 'damage' && fault.restartMs < fault.atMs)
    problems.push('the peer is started before it is stopped');
  return problems;
}
