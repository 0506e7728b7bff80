export { type AutoNebOptions, autoNeb, type BandCycle, type ElasticBand } from './auto-neb.ts';
export { type Barrier, type BarrierOptions, barrierOf, lossBarrier } from './barrier.ts';
export { trainBezier } from './bezier.ts';
export type { DescentRule } from './descent.ts';
export { type FastGeometricOptions, fastGeometricEnsemble } from './fast-geometric-ensembling.ts';
export {
  type Layer,
  type LayerBarrier,
  type LayerWiseBarriers,
  type LayerWiseOptions,
  layersByName,
  layerWiseBarriers,
  withLayersOf,
} from './layer-wise.ts';
export { type LearnedSubspace, type SubspaceOptions, trainSubspace } from './learned-subspace.ts';
export { cosineRate, decayingRate, type Rate, triangularRate } from './learning-rate.ts';
export { combine, interpolate } from './model-points.ts';
export { bezierPath, chainPath, linePath, type Path } from './path.ts';
export {
  type PathPoint,
  type PathProfile,
  type PointRepair,
  type ProfileOptions,
  profilePath,
} from './path-profile.ts';
export {
  createPlane,
  evaluatePlane,
  type Plane,
  type PlaneCoordinates,
  type PlaneGrid,
  type PlaneGridOptions,
  type PlanePoint,
} from './plane.ts';
export { trainPolygonalChain } from './polygonal-chain.ts';
export { type SimplexOptions, type TrainedSimplex, trainSimplexVertex } from './simplex.ts';
export { drawBarycentric, simplexVolume } from './simplex-geometry.ts';
export { type SnapshotOptions, snapshotEnsemble } from './snapshot-ensembling.ts';
export type { CurveOptions, TrainedCurve } from './trained-curve.ts';
export type { PointTraining } from './trained-points.ts';
export { averagePredictions, type Collected, type DescentOptions } from './trajectory.ts';
