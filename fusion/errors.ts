// What can be wrong with the models, updates and specs that a caller hands in. Peers' bytes never come here: codecs answer
// those with a value.

export type FusionErrorCode =
  /** A tensor is missing, or another shape or type than expected. */
  | 'MELDMESH_FUSION_SHAPE'
  /** A number is not finite. */
  | 'MELDMESH_FUSION_NOT_FINITE'
  /** Nothing to fuse, or fewer than the rule needs. */
  | 'MELDMESH_FUSION_TOO_FEW'
  /** An option or a permutation spec that makes no sense, or does not fit the model. */
  | 'MELDMESH_FUSION_SPEC'
  /** Models that are equal, zero or on one line, where the rule needs a direction. */
  | 'MELDMESH_FUSION_DEGENERATE';

export class FusionError extends Error {
  readonly code: FusionErrorCode;

  constructor(code: FusionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FusionError';
    this.code = code;
  }
}
