/** The bytes that `build.js` would write. */
export function compileKernels(): Promise<Uint8Array>;
