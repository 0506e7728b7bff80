// From the name in a manifest to a robust mean. Alternatives stand between slashes, steps and a rule between bars, the
// parameters of one behind a colon:
//
//   mean = chain *("/" chain)    chain = *(step "|") rule    step, rule = word [":" number *("," number)]
//
// as in `clip|nnm:0.2|trimmed:0.2/median:3`: where there are too few updates for the first chain, the next one is used.
import { FusionError } from '../errors.ts';
import { bucketing } from './bucketing.ts';
import { bulyan } from './bulyan.ts';
import { centredClipping } from './centred-clipping.ts';
import { coordinateMedian } from './coordinate-median.ts';
import { trustByMedian, trustByReference } from './cosine-trust.ts';
import { equalWeights } from './equal-weights.ts';
import type { Chain, RobustMean } from './fuse.ts';
import { geometricMedian } from './geometric-median.ts';
import { krum, multiKrum } from './krum.ts';
import { weightedMean } from './mean.ts';
import { minimumDiameter } from './minimum-diameter.ts';
import { nearestNeighbourMixing } from './nearest-neighbour-mixing.ts';
import { normClipping } from './norm-clipping.ts';
import type { Rule, Step } from './rule.ts';
import { signElection } from './sign-election.ts';
import { trimmedMean } from './trimmed-mean.ts';

/** A name is short: it stands in a manifest. */
const NAME_LENGTH_MAX = 200;

/** What may stand behind the colon, one number after the other. */
interface Parameter {
  readonly what: string;
  readonly least: number;
  readonly most: number;
  /** Otherwise up to three digits may stand behind the point. */
  readonly whole: boolean;
  readonly default: number;
}

interface Word<Part> {
  readonly parameters: readonly Parameter[];
  make(name: string, values: readonly number[]): Part;
}

const share: Parameter = { what: 'share of attackers', least: 0, most: 0.499, whole: false, default: 0.2 };
const support: Parameter = { what: 'support', least: 1, most: 9_999, whole: true, default: 3 };
const factor: Parameter = { what: 'factor', least: 0.001, most: 1_000, whole: false, default: 1 };
const shareOf = (value: number) => ({ thousandths: Math.round(value * 1000) });

const STEPS: Readonly<Record<string, Word<Step>>> = {
  equal: { parameters: [], make: () => equalWeights },
  clip: { parameters: [factor], make: (name, [value]) => normClipping({ name, factor: value }) },
  nnm: {
    parameters: [share],
    make: (name, [value]) => nearestNeighbourMixing({ name, share: shareOf(value) }),
  },
  bucket: {
    parameters: [{ what: 'size', least: 1, most: 999, whole: true, default: 2 }],
    make: (name, [size]) => bucketing({ name, size }),
  },
};

const RULES: Readonly<Record<string, Word<Rule>>> = {
  mean: { parameters: [], make: () => weightedMean },
  median: { parameters: [support], make: (name, [supportMin]) => coordinateMedian({ name, supportMin }) },
  trimmed: {
    parameters: [share, { ...support, default: 1 }],
    make: (name, [value, supportMin]) => trimmedMean({ name, share: shareOf(value), supportMin }),
  },
  'geometric-median': { parameters: [], make: () => geometricMedian },
  krum: { parameters: [share], make: (name, [value]) => krum({ name, share: shareOf(value) }) },
  'multi-krum': { parameters: [share], make: (name, [value]) => multiKrum({ name, share: shareOf(value) }) },
  bulyan: { parameters: [share], make: (name, [value]) => bulyan({ name, share: shareOf(value) }) },
  'centred-clip': {
    parameters: [factor, { what: 'number of iterations', least: 1, most: 99, whole: true, default: 3 }],
    make: (name, [radius, iterations]) => centredClipping({ name, radius, iterations }),
  },
  'minimum-diameter': {
    parameters: [share],
    make: (name, [value]) => minimumDiameter({ name, share: shareOf(value) }),
  },
  'sign-election': {
    parameters: [support],
    make: (name, [supportMin]) => signElection({ name, supportMin }),
  },
  fltrust: { parameters: [], make: () => trustByReference },
  cosine: { parameters: [], make: () => trustByMedian },
};

/** The words of the grammar, for help texts and tests. */
export const stepWords: readonly string[] = Object.keys(STEPS);
export const ruleWords: readonly string[] = Object.keys(RULES);

/**
 * The robust mean of a name. Parameters that are left out have their default and stand in the canonical name of the
 * result: `clip|krum` is `clip:1|krum:0.2`. A name that is canonical already comes back as it is.
 * @throws FusionError MELDMESH_FUSION_SPEC, and says which word is wrong and what is allowed
 */
export function robustMeanNamed(name: string): RobustMean {
  if (name.length > NAME_LENGTH_MAX) throw wrong(`A robust mean has at most ${NAME_LENGTH_MAX} letters`);
  const chains = name.split('/').map(chainNamed);
  return { name: chains.map((chain) => chain.name).join('/'), chains };
}

function chainNamed(text: string): Chain {
  const words = text.split('|');
  const steps = words.slice(0, -1).map((word) => partNamed(word, STEPS, RULES, 'step'));
  const rule = partNamed(words[words.length - 1], RULES, STEPS, 'rule');
  return { name: [...steps, rule].map((part) => part.name).join('|'), steps, rule };
}

function partNamed<Part, Other>(
  text: string,
  words: Readonly<Record<string, Word<Part>>>,
  others: Readonly<Record<string, Word<Other>>>,
  kind: 'step' | 'rule',
): Part {
  const [key, ...rest] = text.split(':');
  if (!Object.hasOwn(words, key)) {
    const allowed = Object.keys(words).join(', ');
    if (!Object.hasOwn(others, key)) throw wrong(`There is no ${kind} "${key}"; use one of ${allowed}`);
    const place = kind === 'rule' ? 'the last word is a rule' : 'only steps stand in front of a rule';
    throw wrong(`"${key}" is no ${kind}, and ${place}; use one of ${allowed}`);
  }
  const { parameters, make } = words[key];
  const given = rest.length === 0 ? [] : rest.join(':').split(',');
  if (given.length > parameters.length)
    throw wrong(`"${text}" has more than ${parameters.length} parameters`);
  const values = parameters.map((parameter, i) => numberFrom(given[i], parameter, text));
  return make(values.length === 0 ? key : `${key}:${values.join(',')}`, values);
}

function numberFrom(given: string | undefined, parameter: Parameter, text: string): number {
  if (given === undefined) return parameter.default;
  const { what, least, most, whole } = parameter;
  const value = /^\d{1,4}(\.\d{1,3})?$/.test(given) ? Number(given) : Number.NaN;
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  const kind = whole ? 'a whole number' : 'a number with up to three digits behind the point';
  throw wrong(`The ${what} in "${text}" is ${kind} from ${least} to ${most}`);
}

function wrong(sentence: string): FusionError {
  return new FusionError('MELDMESH_FUSION_SPEC', `${sentence}.`);
}
