// The door of the robust means.
export { type Balanced, type BalanceOptions, balance } from './balance.ts';
export { type Fused, fuse, type RobustMean } from './fuse.ts';
export { robustMeanNamed, ruleWords, stepWords } from './grammar.ts';
export { meshRuleProblem } from './mesh-rule.ts';
export type { Neighbour, Neighbourhood } from './neighbourhood.ts';
export { type PayloadUpdateOptions, payloadUpdate } from './payload-update.ts';
export type { FuseContext } from './rule.ts';
export {
  type ClippedGossip,
  type SelfCentredClippingOptions,
  selfCentredClipping,
} from './self-centred-clipping.ts';
export type { Change, Update, UpdateSet } from './update.ts';
export { type UpdateLengths, updateLengths } from './update-lengths.ts';
