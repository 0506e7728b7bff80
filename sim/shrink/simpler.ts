// What may make a scenario simpler, stage by stage: fewer of everything first, then less time, then plainer settings. None
// of this knows whether the simpler scenario still fails.
import { parseScenario, type Scenario, type ScenarioInput } from '../scenario.ts';
import { partsOf } from './list-parts.ts';
import { withoutPeers } from './removal.ts';
import { shorterFaults } from './shorter-faults.ts';

/** Scenarios to try instead of one, the most promising first; asked again after each success. */
export type Stage = (scenario: Scenario) => readonly Scenario[];

export const STAGES: readonly Stage[] = [
  (scenario) => partsOf(scenario.faults.length).map((gone) => without(scenario, 'faults', gone)),
  (scenario) => partsOf(scenario.attackers.length).map((gone) => without(scenario, 'attackers', gone)),
  (scenario) => partsOf(scenario.peers).flatMap((gone) => withoutPeers(scenario, gone) ?? []),
  shorterRuns,
  shorterFaults,
  plainerSettings,
  plainerManifests,
];

/** Codecs by how much there is to say about them. */
const CODECS: readonly string[] = ['float32', 'sign', 'top50:8'];
const QUIET = { jitter: 0, loss: 0, duplicates: 0, late: 0 } as const;

function without(scenario: Scenario, list: 'faults' | 'attackers', gone: readonly number[]): Scenario {
  const left = { faults: [...scenario.faults], attackers: [...scenario.attackers] };
  return { ...scenario, [list]: left[list].filter((_, i) => !gone.includes(i)) };
}

/** Fewer generations: very few, a half, a quarter less, one less. */
function shorterRuns(scenario: Scenario): Scenario[] {
  const { generations } = scenario.end;
  const fewer = [1, 2, Math.floor(generations / 2), Math.floor((3 * generations) / 4), generations - 1];
  return [...new Set(fewer)]
    .filter((count) => count >= 1 && count < generations)
    .map((count) => ({ ...scenario, end: { ...scenario.end, generations: count } }));
}

/** Network, speeds and bowls back to their defaults or to nothing, together and then one by one. */
function plainerSettings(scenario: Scenario): Scenario[] {
  const { network, compute } = scenario;
  const inputs: ScenarioInput[] = [
    { ...scenario, network: { ...network, ...QUIET, latencyMs: [10, 10] } },
    ...Object.entries(QUIET).map(([key, value]) => ({ ...scenario, network: { ...network, [key]: value } })),
    { ...scenario, network: { ...network, latencyMs: [10, 10] } },
    ...Object.keys(network)
      .filter((key) => !(key in QUIET) && key !== 'latencyMs')
      .map((key) => ({ ...scenario, network: lacking(network, key) })),
    { ...scenario, compute: {} },
    ...Object.keys(compute).map((key) => ({ ...scenario, compute: lacking(compute, key) })),
  ];
  if (scenario.learner.kind === 'bowl') inputs.push({ ...scenario, learner: { kind: 'bowl' } });
  return accepted(scenario, inputs);
}

function plainerManifests(scenario: Scenario): Scenario[] {
  const { manifest } = scenario;
  const current = CODECS.indexOf(String(manifest.codec));
  const codecs = current < 0 ? CODECS : CODECS.slice(0, current);
  return accepted(scenario, [
    ...['pace', 'history', 'limits'].map((key) => ({ ...scenario, manifest: lacking(manifest, key) })),
    ...codecs.map((codec) => ({ ...scenario, manifest: { ...manifest, codec } })),
    { ...scenario, manifest: { ...manifest, model: 'mlp:1', data: { inputs: 1, classes: 2 } } },
  ]);
}

function lacking(group: object, key: string) {
  return Object.fromEntries(Object.entries(group).filter(([name]) => name !== key));
}

/** Those that are scenarios, and other ones. */
function accepted(scenario: Scenario, inputs: readonly ScenarioInput[]): Scenario[] {
  const before = JSON.stringify(scenario);
  return inputs.flatMap((input) => {
    const parsed = parseScenario(input);
    return 'scenario' in parsed && JSON.stringify(parsed.scenario) !== before ? [parsed.scenario] : [];
  });
}
