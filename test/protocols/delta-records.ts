// Records for tests in a line each, signed by nobody: the signature is zeros and always right. Ids are real hashes.
import fc from 'fast-check';
import { hashOf } from '../../node/hash.ts';
import { VOTE_BYTES } from '../../protocols/delta-set/constants.ts';
import type { DeltaRecord, Hash, PeerId, RecordFields, Signer } from '../../protocols/index.ts';
import { signRecord } from '../../protocols/index.ts';

export const fakeSigner: Signer = {
  self: 'nobody' as PeerId,
  sign: () => new Uint8Array(64),
  verify: () => true,
  hash: hashOf,
};

export const hashNamed = (text: string): Hash => hashOf(new TextEncoder().encode(text));

export interface RecordSketch {
  readonly author: string;
  readonly generation: number;
  readonly samples?: number;
  /** Makes records different that are equal in all the rest. */
  readonly variant?: number;
  /** Records of one window before that the author knew. */
  readonly knows?: readonly { readonly id: Hash }[];
}

export function recordOf(sketch: RecordSketch): DeltaRecord {
  const { author, generation, samples = 100, variant = 0, knows = [] } = sketch;
  const fields: RecordFields = {
    mesh: hashNamed('mesh'),
    author: author as PeerId,
    generation,
    baseGeneration: generation - 1,
    base: hashNamed('base'),
    samples,
    codec: 'top1:1',
    payload: hashNamed(`payload ${variant}`),
    payloadBytes: 100,
    votes: knows.map(({ id }) => id.slice(0, 32)),
  };
  return signRecord(fields, fakeSigner);
}

const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex') as Hash);
const u32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const vote = fc
  .uint8Array({ minLength: VOTE_BYTES, maxLength: VOTE_BYTES })
  .map((bytes) => Buffer.from(bytes).toString('hex'));

export const arbitrary = {
  hash,
  u32,
  /** Anything that a header can say. */
  fields: fc
    .record({
      mesh: hash,
      author: fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.slice(0, 30) as PeerId),
      generations: fc.uniqueArray(u32, { minLength: 2, maxLength: 2 }),
      base: hash,
      samples: u32,
      codec: fc.string({ maxLength: 32 }),
      payload: hash,
      payloadBytes: u32,
      votes: fc.array(vote, { maxLength: 12 }),
    })
    .filter(({ author }) => !/\p{Surrogate}/u.test(author))
    .map(({ generations, ...rest }): RecordFields => {
      const [baseGeneration, generation] = [...generations].sort((a, b) => a - b);
      return { ...rest, baseGeneration, generation };
    }),
  signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
} as const;
