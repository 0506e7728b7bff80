// What a manifest says where its author said nothing, each number with its reason. Members never use these: by
// then every number stands in the manifest itself.

/** Canonical bytes of a manifest; 10,000 admitted peers of 52 letters do not fit, a thousand do. */
export const MANIFEST_BYTES_MAX = 65_536;

/** S and m of the largest model are then 1 GiB, which is what one blob may hold. */
export const MODEL_PARAMETERS_MAX = 2 ** 27;

export const manifestDefaults = {
  protocol: 1,
  name: 'meldmesh',
  salt: '',
  data: {
    /** Raw values are taken as they are; pixels want 255. */
    scale: 1,
  },
  training: {
    optimiser: 'sgd-momentum',
    /** The prototype's settings, at which all our reference accuracies were measured. */
    learningRate: 0.05,
    momentum: 0.9,
    batch: 32,
    /** One pass a generation: fresh deltas fuse better than far-travelled ones. */
    localEpochs: 1,
  },
  aggregation: {
    rule: 'mean',
    /** Outer Nesterov momentum wins half a point at 1 % density (93.3 to 93.8 in the prototype). */
    outerMomentum: 0.7,
    outerLearningRate: 0.5,
  },
  /** 1 % of the entries, sign and one scale: 2.4 KiB where float32 takes 795 KiB. */
  codec: 'top1:1',
  pace: {
    /** Half of the samples: two halves that cannot hear one another cannot both race on. */
    quorum: 0.5,
    /** One member alone is no mesh. */
    contributorsMin: 2,
    /** A member three times slower than the mesh is still waited for. */
    patience: 3,
    /** Below two seconds an ordinary pause of a laptop would look like an absence. */
    patienceMinMs: 2_000,
    /** The doubling stops at ten minutes, so that a member cut off for a night is back soon after the heal. */
    patienceMaxMs: 600_000,
  },
  history: {
    /** Corrections by up to three generations cost under 0.4 points in the prototype, by eight 17 points. */
    correctionWindow: 3,
    horizon: 64,
  },
  limits: {
    /** Larger gossip messages cost their size once for each mesh neighbour. */
    inlineBytes: 65_536,
    payloadBytes: 64 * 2 ** 20,
    samplesMax: 10_000_000,
    /** Deltas further ahead than this wait for the others. */
    generationsAhead: 8,
    contributorsMax: 256,
    storeBytes: 4 * 2 ** 30,
  },
  privacy: 'none',
} as const;
