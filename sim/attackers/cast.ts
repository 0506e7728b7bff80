// Who is an attacker in a world, and what each is given to work with.
import assert from 'node:assert/strict';
import { createRandom } from '../../fusion/index.ts';
import type { PeerId } from '../../protocols/index.ts';
import { SimError } from '../errors.ts';
import type { RoundWork } from '../learners/work.ts';
import type { AttackerSetting, Scenario } from '../scenario.ts';
import type { SimulationView } from '../view.ts';
import { ATTACKERS, type AttackContext, type AttackerKind } from './kinds.ts';

export interface Attack {
  readonly kind: AttackerKind;
  readonly context: AttackContext;
}

/** Settings by the peer's number. Throws a SimError for a kind or a peer that does not exist. */
export function drawAttackers(scenario: Scenario): ReadonlyMap<number, AttackerSetting> {
  const { attackers, peers, seed } = scenario;
  const drawn = new Map<number, AttackerSetting>();
  for (const [index, setting] of attackers.entries()) {
    const problem = problemOf(setting, peers);
    if (problem !== undefined) throw new SimError('MELDMESH_SIM_SCENARIO', `attackers.${index}: ${problem}`);
    const random = createRandom(`${seed} attackers ${index}`);
    const free = Array.from({ length: peers }, (_, i) => i).filter((i) => !drawn.has(i));
    const count = Math.min(free.length, Math.round((setting.share ?? 0) * peers));
    const wanted =
      setting.peers ?? Array.from({ length: count }, () => free.splice(random.below(free.length), 1)[0]);
    for (const peer of wanted) drawn.set(peer, setting);
  }
  return drawn;
}

function problemOf({ kind, peers }: AttackerSetting, peerCount: number): string | undefined {
  if (!ATTACKERS.has(kind))
    return `there is no attacker "${kind}"; there are ${[...ATTACKERS.keys()].join(', ')}`;
  const beyond = peers?.find((peer) => peer >= peerCount);
  return beyond === undefined ? undefined : `there is no peer ${beyond}, only ${peerCount}`;
}

/** Gives out attacks; accomplices share what they tell one another. */
export class Cast {
  readonly #simulation: SimulationView;
  readonly #settings: ReadonlyMap<number, AttackerSetting>;
  readonly #idOf: (peer: number) => PeerId;
  readonly #shared = new Map<AttackerSetting, Map<string, unknown>>();

  constructor(
    simulation: SimulationView,
    settings: ReadonlyMap<number, AttackerSetting>,
    idOf: (peer: number) => PeerId,
  ) {
    this.#simulation = simulation;
    this.#settings = settings;
    this.#idOf = idOf;
  }

  /** `undefined` for an honest peer. */
  attackOf(peer: number, falseWork: () => RoundWork): Attack | undefined {
    const setting = this.#settings.get(peer);
    if (setting === undefined) return undefined;
    const kind = ATTACKERS.get(setting.kind);
    assert(kind !== undefined, 'settings were looked through');
    const { manifest, world, network, scenario } = this.#simulation;
    const self = this.#idOf(peer);
    const shared = this.#shared.get(setting) ?? new Map<string, unknown>();
    this.#shared.set(setting, shared);
    const numbers = Array.from({ length: scenario.peers }, (_, i) => i);
    const accomplices = numbers.filter((i) => this.#settings.get(i) === setting).map(this.#idOf);
    const context: AttackContext = {
      manifest,
      self,
      random: world.random.fork(`attacker ${peer}`),
      fromGeneration: setting.fromGeneration,
      strength: setting.strength,
      nowMs: () => world.nowMs,
      after: (delayMs, run) => world.after(delayMs, run),
      accomplices,
      victim: this.#idOf(numbers.find((i) => !this.#settings.has(i)) ?? 0),
      shared,
      whisper: (to, bytes) => network.whisper(self, to, bytes),
      surround: (victim, by) => network.surround(victim, by),
      falseWork,
    };
    return { kind, context };
  }
}
