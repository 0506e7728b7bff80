// Every way in which the world can fail a node, on one page: the code that programs test, and what a person
// can do. The messages about a failing neighbour are not here: those are values, counted by reason.

/** What to do, by code. A code never changes its meaning and is never used again for another. */
export const errorHints = {
  // The store folder.
  MELDMESH_STORE_LOCKED: 'stop the process that uses it, or choose another folder with --store',
  MELDMESH_STORE_FULL: 'free some space on that disk and start the node again; what was stored is kept',
  MELDMESH_STORE_CORRUPT: 'join again with an empty folder; the history comes back from the other members',
  MELDMESH_STORE_SCHEMA: 'use the version of meldmesh that wrote it, or choose another folder with --store',
  MELDMESH_STORE_ACCESS: 'make the folder writable for this user, or choose another with --store',
  MELDMESH_STORE_FAILED: 'look at the disk and start the node again; what was stored is kept',
  MELDMESH_STORE_CLOSED: 'this is a mistake in the program: the store was used after it was closed',
  MELDMESH_STORE_LIMIT: 'prune it with "meldmesh checkpoints prune"',
  MELDMESH_STORE_MESH: 'choose another folder with --store; one folder belongs to one mesh',

  // Who we are.
  MELDMESH_IDENTITY_UNREADABLE: 'put the right key file back, or remove it to become a new member',
  MELDMESH_IDENTITY_DIFFERS: 'leave the seed out, or choose another folder with --store',

  // The mesh.
  MELDMESH_INVITATION_FORM: 'copy the whole string that "meldmesh init" or a running node prints',
  MELDMESH_INVITATION_VERSION: 'use the version of meldmesh that made it',
  MELDMESH_INVITATION_CUT: 'copy the invitation again, whole',
  MELDMESH_INVITATION_CONTENT: 'ask for another invitation',
  MELDMESH_MANIFEST_INVALID: 'correct the manifest and try again',
  MELDMESH_MANIFEST_MISSING: 'ask a member for a fresh invitation, or found a mesh with --manifest',
  MELDMESH_DATA_MISMATCH: 'use data of the shape that the manifest states',
  MELDMESH_LINEAGE_SHARED:
    'join without --from (--no-from where the store remembers one), or found a mesh that takes such models with "meldmesh init --lineage align"',
  MELDMESH_NOT_A_MEMBER: 'ask the founder to admit this peer id, or follow with --observe',

  // The network.
  MELDMESH_LISTEN_BUSY: 'choose another port with --listen, or 0 for a free one',
  MELDMESH_LISTEN_FAILED: 'check the addresses given with --listen',
  MELDMESH_BOOTSTRAP_UNREACHABLE: 'check that one of the addresses of the invitation is up and reachable',
  MELDMESH_MESSAGE_TOO_LARGE: 'lower limits.inlineBytes in the manifest',

  // The process.
  MELDMESH_LEARNER_FAILED: 'see the log in the store folder; start the node again to resume',
  MELDMESH_OPTIONS: 'correct the options',

  // Checkpoints.
  MELDMESH_CHECKPOINT_MISSING: 'list what there is with "meldmesh checkpoints list"',
  MELDMESH_CHECKPOINT_BROKEN: 'join the mesh: what is missing comes back from the other members',
  MELDMESH_CHECKPOINT_EXISTS: 'import into an empty folder, named with --store',
  MELDMESH_CHECKPOINT_FORMAT: 'use a file that "meldmesh checkpoints export" wrote for this mesh',
} as const;

export type MeldErrorCode = keyof typeof errorHints;

/** One sentence that says what happened and what to do. */
export class MeldError extends Error {
  override readonly name = 'MeldError';
  readonly code: MeldErrorCode;
  readonly hint: string;

  /** `what` is a clause without a full stop. */
  constructor(code: MeldErrorCode, what: string, cause?: unknown) {
    super(`${what}: ${errorHints[code]}.`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = errorHints[code];
  }
}

/** The `code` of an error of Node or LevelDB, looked for in its causes too. */
export function codesOf(error: unknown): readonly string[] {
  const codes: string[] = [];
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    if ('code' in current && typeof current.code === 'string') codes.push(current.code);
    current = current.cause;
  }
  return codes;
}
