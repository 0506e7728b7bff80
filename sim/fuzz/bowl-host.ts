// The host of worlds without data: every member goes down a bowl of its own, drawn from the scenario's seed alone. It
// serves `learner: bowl` and knows nothing of files or threads.
import { codecNamed, createRandom, layoutOf } from '../../fusion/index.ts';
import { SimError } from '../errors.ts';
import { BowlWork } from '../learners/bowl.ts';
import type { Scenario } from '../scenario.ts';
import type { SimHost } from '../simulation.ts';

/** What a member of such a world is by nature: where its loss is least, and how many samples it claims. */
export interface Bowl {
  readonly optimum: Float32Array;
  readonly samples: number;
}

/** The members' bowls for a model of so many weights. Throws a SimError for a scenario whose learner is another one. */
export function bowlsOf(scenario: Scenario, size: number): (peer: number) => Bowl {
  const { seed } = scenario;
  const { spread, samples: bounds } = learnerOf(scenario);
  const [least, most] = bounds;
  const centre = uniform(`${seed} bowls`, size, spread);
  return (peer) => {
    const away = uniform(`${seed} bowl ${peer}`, size, spread);
    const samples = least + createRandom(`${seed} bowl ${peer} samples`).below(most - least + 1);
    return { optimum: away.map((value, i) => value + centre[i]), samples };
  };
}

/** Throws a SimError for a scenario whose learner is another one. */
export function bowlHost(scenario: Scenario): SimHost {
  const { rate } = learnerOf(scenario);
  let drawn: ((peer: number) => Bowl) | undefined;
  return {
    work: (peer, { manifest, seed, hasFalseLabels }) => {
      const layout = layoutOf(manifest.model);
      const codec = codecNamed(manifest.codec);
      if (codec === undefined)
        throw new SimError('MELDMESH_SIM_SCENARIO', `there is no codec ${manifest.codec}`);
      drawn ??= bowlsOf(scenario, layout.size);
      const { optimum, samples } = drawn(peer);
      const sought = hasFalseLabels ? optimum.map((value) => -value) : optimum;
      return new BowlWork({ codec, layout, samples, optimum: sought, rate, seed });
    },
  };
}

function learnerOf({ learner }: Scenario): Extract<Scenario['learner'], { kind: 'bowl' }> {
  if (learner.kind === 'bowl') return learner;
  throw new SimError(
    'MELDMESH_SIM_SCENARIO',
    `the learner of this scenario is "${learner.kind}"; only "bowl" needs no data`,
  );
}

/** Entries between ± `range`. */
function uniform(seed: string, length: number, range: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length }, () => range * (2 * random.float() - 1));
}
