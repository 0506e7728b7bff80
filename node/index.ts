// The door of the room, and of the package: make a node with your own model and data, and listen to it.
export type {
  Backend,
  ByteCounts,
  ForeignSource,
  ForeignStory,
  GivenModel,
  MeldNode,
  NodeEvents,
  NodeOptions,
  NodeStatus,
  TrainerCommand,
} from './api.ts';
export {
  type CheckpointList,
  type Checkpoints,
  type Contribution,
  type ImportedState,
  openCheckpoints,
  type Pruned,
  type StoredModel,
  type Verification,
} from './checkpoints.ts';
export { type ControlServer, startControl } from './control.ts';
export { type ControlClient, connectControl } from './control-client.ts';
export { ControlError, type ControlEvent } from './control-messages.ts';
export { type LoadedData, type LoadOptions, loadData, loadMnist } from './data-files.ts';
export { errorHints, MeldError, type MeldErrorCode } from './errors.ts';
export { hashOf } from './hash.ts';
export { type Identity, identityFromSeed, loadIdentity } from './identity.ts';
export { type LearnerHostOptions, type StartedLearner, startLearner } from './learner-host.ts';
export { keepMembership, readInvitation, readManifest } from './membership.ts';
export { NetworkError } from './network/errors.ts';
export { createNode } from './node.ts';
export { createSigner } from './signer.ts';
export { type NodeStore, openStore } from './store/level-store.ts';
export { TrainerError, type TrainerErrorCode } from './trainer/errors.ts';
