// The door of the room.
export * from './bytes.ts';
export * from './delta-set/index.ts';
export {
  answering,
  createLocalFusion,
  digestOf,
  fusePlan,
  generationParts,
  type LocalFusionOptions,
} from './local-fusion.ts';
export * from './manifest/index.ts';
export {
  type Charge,
  INCIDENT_MS,
  INCIDENTS_MAX,
  PENALTY_HALF_LIFE_MS,
  Penalties,
  REFUSAL_MS,
} from './penalties.ts';
export type * from './ports.ts';
export { Tickets } from './tickets.ts';
export * from './transfer/index.ts';
