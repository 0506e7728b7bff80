// The door of the room.
export { ATTACKERS } from './attackers/kinds.ts';
export { SimError, type SimErrorCode } from './errors.ts';
export { BowlWork } from './learners/bowl.ts';
export { TrainedRounds } from './learners/trained.ts';
export type { RoundWork } from './learners/work.ts';
export type { GenerationRow, LaneEvent, PeerResult, SimResult } from './result.ts';
export { parseScenario, type Scenario, type ScenarioInput, scenarioSchema } from './scenario.ts';
export { type SimHost, Simulation } from './simulation.ts';
