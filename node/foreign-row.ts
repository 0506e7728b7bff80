// What a store remembers of a model that its member brought from elsewhere: one row, and the weights of a refused one as a blob.
// It decides nothing.
import { z } from 'zod';
import type { ForeignStory } from './api.ts';
import type { NodeStore } from './store/level-store.ts';

export const FOREIGN_KEY = 'foreign';

/** The rest is numbers for people, written by us and handed on as they are. */
const rowSchema = z.looseObject({
  version: z.literal(1),
  name: z.string(),
  lineage: z.enum(['adopt', 'align', 'naive']),
  outcome: z.enum(['accepted', 'refused', 'dropped']),
  reason: z.string(),
  samples: z.number().int().positive(),
  kept: z.string().optional(),
});

export const encodeForeignRow = (story: ForeignStory): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ version: 1, ...story }));

/** `undefined`: there is none, or it is damaged; then the member's history alone says that it has one. */
export async function readForeignRow(store: NodeStore): Promise<ForeignStory | undefined> {
  const bytes = await store.get(FOREIGN_KEY);
  if (bytes === undefined) return undefined;
  try {
    const { version, ...story } = rowSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    return story;
  } catch {
    return undefined;
  }
}
