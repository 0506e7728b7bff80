// The door of the room.
export { ATTACKER_KINDS, ATTACKERS } from './attackers/kinds.ts';
export { SimError, type SimErrorCode } from './errors.ts';
export { type Bowl, bowlHost, bowlsOf } from './fuzz/bowl-host.ts';
export { drawScenario } from './fuzz/draw.ts';
export {
  AGREEMENT,
  type Failure,
  parseFailure,
  type RunWorld,
  runBowlWorld,
  tryWorld,
} from './fuzz/failure.ts';
export { type FuzzOptions, type FuzzReport, fuzz, seedAt } from './fuzz/fuzz.ts';
export { BowlWork } from './learners/bowl.ts';
export {
  encodeRecording,
  parseRecording,
  type Recording,
  recordingOf,
} from './learners/recording.ts';
export { ReplayWork } from './learners/replay.ts';
export { TrainedRounds } from './learners/trained.ts';
export { openTrainingPool, type PoolSettings, type TrainingPool } from './learners/training-pool.ts';
export type { RoundWork } from './learners/work.ts';
export { PRESETS, type Preset, type PresetOptions, presetNamed } from './presets.ts';
export type { GenerationRow, LaneEvent, PeerResult, SimResult } from './result.ts';
export { parseScenario, type Scenario, type ScenarioInput, scenarioSchema } from './scenario.ts';
export { type ShrinkOptions, type Shrunk, shrink } from './shrink/shrink.ts';
export { type SimHost, Simulation, type WorkParts } from './simulation.ts';
