// Where the entry of a trainer's thread lies: next to this file, as TypeScript in a clone and as JavaScript in a package.
export const trainerWorkerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js',
  import.meta.url,
);
