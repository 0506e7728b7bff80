// The door of the manifest: what a mesh agrees on, its canonical bytes, its id, and the invitation to it.
export { canonicalBytes, canonicalText } from './canonical.ts';
export { type ManifestConfigParsed, parseManifestConfig } from './config.ts';
export { MANIFEST_BYTES_MAX, MODEL_PARAMETERS_MAX, manifestDefaults } from './defaults.ts';
export {
  decodeInvitation,
  encodeInvitation,
  INVITATION_ADDRESS_BYTES_MAX,
  INVITATION_ADDRESSES_MAX,
  type Invitation,
  type InvitationProblem,
} from './invitation.ts';
export {
  type AdmittedCodecs,
  admitsForeign,
  admittedCodecs,
  FOREIGN_CODEC,
  type Lineage,
  lineageOf,
} from './lineage.ts';
export { decodeManifest, initialSeedOf, type ManifestDecoded, meshIdOf } from './manifest.ts';
export { crossChecks, nearestName, parametersOf } from './rules.ts';
export { type Manifest, manifestSchema } from './schema.ts';
