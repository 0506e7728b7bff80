// What `connect` finds between two models: barriers, a trained curve, the plane around it. It prints and writes nothing.
import {
  createPlane,
  createRandom,
  evaluatePlane,
  FusionError,
  type PathProfile,
  type Plane,
  type PlaneGrid,
  profilePath,
  type TrainedCurve,
  trainBezier,
  trainPolygonalChain,
} from '../../fusion/index.ts';
import { firstSamples } from '../../learning/index.ts';
import { type BarrierResult, measureBarriers } from './barrier.ts';
import type { ModelPair, RunWords } from './model-pair.ts';
import type { Stages } from './stages.ts';

export interface ConnectWords extends RunWords {
  readonly points: number;
  readonly align: boolean;
  readonly curve: 'bezier' | 'chain';
  readonly bends: number;
  readonly epochs: number;
  readonly rate: number;
  /** 0: no plane. */
  readonly grid: number;
  readonly out: string;
  readonly force: boolean;
  readonly json: boolean;
}

export interface ConnectOutcome {
  readonly files: { readonly from: string; readonly to: string };
  readonly words: ConnectWords;
  readonly pair: ModelPair;
  readonly barriers: BarrierResult;
  readonly curve: TrainedCurve;
  readonly curveSeconds: number;
  readonly profile: PathProfile;
  readonly plane: FoundPlane | undefined;
}

export interface FoundPlane {
  readonly plane: Plane;
  readonly grid: PlaneGrid;
  readonly samples: number;
}

/** More test samples than this do not change the picture of a plane, and it has hundreds of places. */
const PLANE_SAMPLES_MAX = 2_000;
/** Places of the curve that are run. */
const CURVE_POINTS = 61;

/** Barriers, curve and plane. */
export function connectPair(
  work: Pick<ConnectOutcome, 'files' | 'words' | 'pair'>,
  stages: Stages,
): ConnectOutcome {
  const { pair, words } = work;
  const barriers = measureBarriers(pair, { ...words, refine: 0, repair: false, layers: false }, stages);
  const to = barriers.alignment?.aligned ?? pair.to;
  const startMs = performance.now();
  const steps = words.epochs * pair.functions.stepsPerEpoch;
  const train = words.curve === 'bezier' ? trainBezier : trainPolygonalChain;
  const curve = train({
    from: pair.from,
    to,
    bends: words.bends,
    gradient: pair.functions.gradient,
    steps,
    rate: words.rate,
    rule: { kind: 'adam' },
    random: createRandom(words.seed).fork('curve'),
    onStep: (step) => stages.tell('curve', step + 1, steps),
  });
  const curveSeconds = (performance.now() - startMs) / 1_000;
  let done = 0;
  const profile = profilePath(curve.path, {
    evaluate: pair.functions.evaluate,
    points: CURVE_POINTS,
    onPoint: (_, of) => stages.tell('along the curve', ++done, of),
  });
  const plane = words.grid < 2 ? undefined : planeAround(curve, { pair, grid: words.grid, stages });
  return { ...work, barriers, curve, curveSeconds, profile, plane };
}

/** The plane through the ends and the middle trained point; absent where these lie on a line. */
function planeAround(
  { points }: TrainedCurve,
  work: { readonly pair: ModelPair; readonly grid: number; readonly stages: Stages },
): FoundPlane | undefined {
  const { pair, grid: count, stages } = work;
  const [origin, first] = [points[0], points[points.length - 1]];
  try {
    const plane = createPlane({ origin, first, second: points[Math.floor(points.length / 2)] });
    const test = firstSamples(pair.test, PLANE_SAMPLES_MAX);
    const evaluate = (weights: Float32Array) => pair.functions.score(weights, test);
    const onPoint = (done: number, of: number) => stages.tell('plane', done, of);
    return {
      plane,
      grid: evaluatePlane(plane, { evaluate, columns: count, rows: count, onPoint }),
      samples: test.count,
    };
  } catch (error) {
    if (error instanceof FusionError && error.code === 'MELDMESH_FUSION_DEGENERATE') return undefined;
    throw error;
  }
}

/** Worst loss on the curve as a multiple of the worse end. */
export function worstOfWorseEnd({ start, end, worst }: PathProfile): number {
  return worst.loss / Math.max(start.loss, end.loss);
}
