// The door of the room. Nothing here loads TensorFlow.js: that happens behind the `open` functions, if at all.

export type { BackendChoice, BackendName } from './backend-choice.ts';
export { type CsvOptions, parseCsv } from './csv.ts';
export {
  CLASSES_MAX,
  checkDataset,
  type DataExpectation,
  type Dataset,
  firstSamples,
  subset,
} from './dataset.ts';
export type { TrainingSettings } from './engine.ts';
export { DataError, type DataErrorCode, LearningError, type LearningErrorCode } from './errors.ts';
export { isFiniteVector } from './finite.ts';
export {
  checkForeignModel,
  type ForeignCandidate,
  type ForeignDecision,
  type ForeignMatching,
  type ForeignModel,
  type ForeignScore,
} from './foreign/foreign-model.ts';
export { type IdxHeader, type IdxNames, parseIdx, parseIdxHeader } from './idx.ts';
export { kernelProduct } from './kernel-product.ts';
export type { FastTensors } from './kernels/tensors.ts';
export { type OpenedLearner, serveLearner } from './learner-mailbox.ts';
export {
  createLearnerRounds,
  type LearnerRounds,
  newLearnerState,
  openBuiltInTrainer,
  type RoundStart,
  type RoundTrainer,
  runRound,
} from './learner-rounds.ts';
export {
  checkLearnerState,
  learnerStateBytes,
  residualIn,
  viewLearnerState,
  writeLearnerState,
} from './learner-state.ts';
export { type ModelFunctions, type ModelFunctionsOptions, openModelFunctions } from './model-functions.ts';
export { type NpzOptions, parseNpz } from './npz.ts';
export { openFastTensors, openLayersModel } from './open-tensors.ts';
export { openTrainer, type TrainerOptions } from './open-trainer.ts';
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
  TrainingRound,
} from './trainer.ts';
export {
  type LearnerAnswer,
  type LearnerInit,
  type LearnerRequest,
  type ReadyAnswer,
  shareDataset,
} from './worker-messages.ts';
export { learnerWorkerUrl } from './worker-url.ts';
