// Where the worker's entry lies: next to this file, as TypeScript in a clone and as JavaScript in a package.
export const learnerWorkerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js',
  import.meta.url,
);
