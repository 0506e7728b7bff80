// Worlds with a name and a story. Plain data: each becomes an ordinary scenario, which a file could say as well.
import type { ScenarioInput } from './scenario.ts';

export interface PresetOptions {
  /** Default: the preset's own number. */
  readonly peers?: number;
  /** Default: the preset's own number. */
  readonly generations?: number;
}

export interface Preset {
  readonly name: string;
  /** What happens in it and what it shows, for people. */
  readonly story: string;
  readonly peers: number;
  readonly generations: number;
  scenario(options?: PresetOptions): ScenarioInput;
}

type Size = { readonly peers: number; readonly generations: number };

/** A generation takes about so long on a good network: training of the mean member, and hearing of one another. */
const GENERATION_MS = 1_300;

const DIGITS = { kind: 'train', data: 'mnist', samples: 8_000, partition: 'dirichlet:0.5' } as const;
const WAN: ScenarioInput['network'] = { latencyMs: [0, 1_000], jitter: 0.3, loss: 0.1, duplicates: 0.02 };

function preset(about: Omit<Preset, 'scenario'>, world: (size: Size) => Partial<ScenarioInput>): Preset {
  const { name, story } = about;
  return {
    ...about,
    scenario: ({ peers = about.peers, generations = about.generations } = {}) => {
      const { end, ...rest } = world({ peers, generations });
      return { name, story, peers, learner: DIGITS, ...rest, end: { generations, ...end } };
    },
  };
}

const peersBetween = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

export const PRESETS: readonly Preset[] = [
  preset(
    {
      name: 'clean',
      story: 'A good network and nobody fails: what the mesh can do at its best.',
      peers: 10,
      generations: 20,
    },
    () => ({}),
  ),
  preset(
    {
      name: 'wan',
      story:
        'Peers on all continents: every link has 0 to 1000 ms of latency and loses one message in ten. Deltas come late, and the model is corrected.',
      peers: 10,
      generations: 20,
    },
    () => ({ network: WAN }),
  ),
  preset(
    {
      name: 'mobile',
      story:
        'Phones: each peer is online half of the time, in spells of 5 to 20 seconds, with 64 KB/s of uplink. Who comes back fetches what it missed and trains on.',
      peers: 10,
      generations: 20,
    },
    ({ generations }) => ({
      network: { latencyMs: [30, 200], loss: 0.02, bytesPerSecond: 64_000 },
      faults: [
        {
          kind: 'offline',
          fromMs: 2 * GENERATION_MS,
          untilMs: 2 * generations * GENERATION_MS,
          share: 0.5,
          spellMs: [5_000, 20_000],
        },
      ],
    }),
  ),
  preset(
    {
      name: 'partition',
      story:
        'For a third of the run the peers fall into two halves that cannot hear one another. When they meet again, the work of both counts.',
      peers: 10,
      generations: 20,
    },
    ({ peers, generations }) => ({
      faults: [
        {
          kind: 'cut',
          fromMs: (generations / 3) * GENERATION_MS,
          untilMs: ((2 * generations) / 3) * GENERATION_MS,
          groups: [peersBetween(0, Math.ceil(peers / 2)), peersBetween(Math.ceil(peers / 2), peers)],
        },
      ],
    }),
  ),
  preset(
    {
      name: 'churn',
      story:
        'Every 0.5 to 2 seconds a random peer is killed, and comes back after as long, for ten minutes. Its disk keeps what was synced; nothing else survives.',
      peers: 10,
      generations: 60,
    },
    () => ({
      faults: [{ kind: 'churn', fromMs: 2_000, untilMs: 600_000, everyMs: [500, 2_000] }],
      end: { maxMs: 900_000 },
    }),
  ),
  preset(
    {
      name: 'flash-crowd',
      story:
        'Three peers have learnt for a while when all the others come at once. They must neither drown the three nor disturb the model.',
      peers: 60,
      generations: 30,
    },
    ({ peers, generations }) => ({
      faults:
        peers > 3
          ? [{ kind: 'join', from: 3, to: peers - 1, atMs: Math.round((generations / 3) * GENERATION_MS) }]
          : [],
    }),
  ),
  preset(
    {
      name: 'stragglers',
      story:
        'Three peers of ten are three times slower than the others, and no two clocks agree. The quick ones go on with a quorum; the late deltas still count.',
      peers: 10,
      generations: 20,
    },
    () => ({
      compute: { speed: [0.8, 1.25], slowShare: 0.3, slowFactor: 3, drift: 0.01 },
      network: { latencyMs: [5, 100] },
    }),
  ),
  preset(
    {
      name: 'liars',
      story:
        'One peer in five sends the opposite of what it has learnt. The mean has no defence of its own; the run shows what that costs, and that the honest peers stay agreed.',
      peers: 10,
      generations: 20,
    },
    () => ({ attackers: [{ kind: 'sign-flip', share: 0.2, fromGeneration: 3 }] }),
  ),
  preset(
    {
      name: 'thousand',
      story:
        'A thousand peers on a slow and lossy network, with a learner that costs next to nothing: the protocols alone.',
      peers: 1_000,
      generations: 20,
    },
    () => ({
      network: WAN,
      learner: { kind: 'bowl' },
      // 10,002 weights; 64 members, drawn anew, contribute to a generation.
      manifest: {
        model: 'mlp:100',
        data: { inputs: 97, classes: 2 },
        pace: { contributorsTarget: 64 },
      },
    }),
  ),
];

/** `undefined`: there is none of this name. */
export function presetNamed(name: string): Preset | undefined {
  return PRESETS.find((each) => each.name === name);
}
