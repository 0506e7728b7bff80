// What a mesh does with models that were trained elsewhere, and by which codecs its records may speak. It does not know how
// such a model is judged: that is its member's business.
import { type Codec, codecNamed } from '../../fusion/index.ts';
import type { Manifest } from './schema.ts';

/**
 * `shared`: all weights come from the common start. `adopt`: a member may come from elsewhere, its weights stay outside.
 * `align`: they come in where they fit after matching. `naive`: they come in as they are; for comparison only.
 */
export type Lineage = NonNullable<Manifest['lineage']>;

/** A mesh that says nothing takes no model from elsewhere: so it was before anybody could say. */
export const lineageOf = ({ lineage }: Pick<Manifest, 'lineage'>): Lineage => lineage ?? 'shared';

/** A model from elsewhere differs from the shared one in all entries, so none of them may be left out; 8 bits are enough. */
export const FOREIGN_CODEC = 'int8';

/** Whether a record of this mesh may carry a model from elsewhere, in `FOREIGN_CODEC`. */
export function admitsForeign(manifest: Pick<Manifest, 'lineage'>): boolean {
  const lineage = lineageOf(manifest);
  return lineage === 'align' || lineage === 'naive';
}

/** The codec of this name where records of a mesh may use it, else `undefined`. */
export type AdmittedCodecs = (name: string) => Codec | undefined;

export function admittedCodecs(manifest: Pick<Manifest, 'codec' | 'lineage'>): AdmittedCodecs {
  const names = admitsForeign(manifest) ? [manifest.codec, FOREIGN_CODEC] : [manifest.codec];
  const codecs = new Map(names.map((name) => [name, codecNamed(name)]));
  return (name) => codecs.get(name);
}
