// Every number by which a model from elsewhere is judged, with its reason.

/** Of the own samples this share scores models; the others show activations. Both decide something, so half each. */
export const HOLD_OUT_SHARE = 1 / 2;

/** Fewer samples than that say nothing: the standard error of a mean of thirty is itself known to an eighth. */
export const HOLD_OUT_MIN = 30;

/** More tell little more (the error falls with the root) and cost a forward pass of every candidate. */
export const HOLD_OUT_MAX = 1_000;
export const PROBES_MAX = 2_000;

/**
 * Highest loss between the shared model and a candidate, above the line, in nats. The mean lands somewhere between, so what
 * is there must be good too. Two networks from different starts have 0.4 (two layers of 128) to 0.9 (three of 512) before
 * matching and at most 0.005 after it; 0.1 tells them apart, and is three standard errors of 200 samples.
 */
export const BARRIER_MAX = 0.1;

/** Points on that line: the middle, and halfway to both ends. */
export const BARRIER_POINTS = 5;

/** How much of the foreign model a candidate has. */
export const SHARES: readonly number[] = [0.25, 0.5, 0.75, 1];

/** Orders of weight matching that are tried; the objective chooses. More than ten gain little (Ainsworth et al., 2023). */
export const MATCHING_STARTS = 10;

/** Largest difference of an output by the permutation, as a share of the largest output: what float32 sums keep. */
export const OUTPUT_DIFFERENCE_MAX = 1e-4;
