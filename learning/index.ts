// The door of the room. Nothing here loads TensorFlow.js: that happens in the worker, or behind `openTrainer`.

export type { BackendChoice, BackendName } from './backend.ts';
export { type CsvOptions, parseCsv } from './csv.ts';
export {
  CLASSES_MAX,
  checkDataset,
  type DataExpectation,
  type Dataset,
  firstSamples,
  subset,
} from './dataset.ts';
export { DataError, type DataErrorCode, LearningError, type LearningErrorCode } from './errors.ts';
export { type IdxHeader, type IdxNames, parseIdx, parseIdxHeader } from './idx.ts';
export { checkLearnerState } from './learner-state.ts';
export { type NpzOptions, parseNpz } from './npz.ts';
export { openLayersModel, openTrainer } from './open-trainer.ts';
export {
  type DirichletOptions,
  type Partition,
  type PartitionName,
  parsePartitionFile,
  parsePartitionName,
  partitionDirichlet,
  partitionIid,
} from './partition.ts';
export type {
  Score,
  TrainedRound,
  Trainer,
  TrainerOptions,
  TrainingRound,
  TrainingSettings,
} from './trainer.ts';
export {
  type LearnerAnswer,
  type LearnerInit,
  type LearnerRequest,
  shareDataset,
} from './worker-messages.ts';
export { learnerWorkerUrl } from './worker-url.ts';
