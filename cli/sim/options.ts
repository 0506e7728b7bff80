// What `meldmesh sim` was told on the command line.

export interface SimOptions {
  readonly peers: number | undefined;
  readonly generations: number | undefined;
  readonly seed: string | undefined;
  readonly codec: string | undefined;
  readonly model: string | undefined;
  readonly data: string | undefined;
  readonly partition: string | undefined;
  readonly samples: number | undefined;
  /** The outcome is the same with any number. */
  readonly threads: number | undefined;
  readonly json: boolean;
  /** The page to write. */
  readonly report: string | undefined;
  /** The file for the deltas of the run. */
  readonly record: string | undefined;
  readonly list: boolean;
  readonly seeds: readonly string[] | undefined;
  readonly vary: readonly Variation[] | undefined;
  readonly shard: ShardChoice | undefined;
  /** Folder for the results of a sweep. */
  readonly out: string | undefined;
  /** Processes of a sweep. */
  readonly workers: number | undefined;
}

/** One flag and the values that it takes in turn. */
export interface Variation {
  readonly flag: VariedFlag;
  readonly values: readonly string[];
}

export const VARIED_FLAGS = [
  'peers',
  'generations',
  'codec',
  'model',
  'data',
  'partition',
  'samples',
] as const;
export type VariedFlag = (typeof VARIED_FLAGS)[number];

/** The part with this number, from 1, of so many. */
export interface ShardChoice {
  readonly part: number;
  readonly of: number;
}

/** Flags that change a scenario; the others change only how it is run and told. */
export type ScenarioFlags = Pick<SimOptions, VariedFlag | 'seed'>;
