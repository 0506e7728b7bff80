// Places where a test ends this process as a power cut would: MELDMESH_FAILPOINT=after-own-write:3 kills it at the
// third write that holds the key `own`, once it is on disk and before anybody has heard of it. Unset: nothing.
import { MeldError } from './errors.ts';

type WriteHook = (stage: 'writing' | 'written', keys: readonly string[]) => void;

/** `before` the batch goes to the disk, `during` its way there, or `after` it; then the first part of a key. */
const FORM = /^(before|during|after)-([a-z]+)-write:([1-9]\d{0,8})$/;

/**
 * The hook that the environment asks for; absent without one.
 * @throws MeldError MELDMESH_OPTIONS for a text of another form
 */
export function failpointOf(text = process.env.MELDMESH_FAILPOINT): WriteHook | undefined {
  if (text === undefined || text === '') return undefined;
  const [, when, name, count] = FORM.exec(text) ?? [];
  if (count === undefined) {
    throw new MeldError('MELDMESH_OPTIONS', `MELDMESH_FAILPOINT=${text} is not like after-own-write:3`);
  }
  const stage = when === 'after' ? 'written' : 'writing';
  let left = Number(count);
  return (now, keys) => {
    if (now !== stage || !keys.some((key) => key.split('/')[0] === name)) return;
    left -= 1;
    if (left > 0) return;
    // A microtask later the batch has been handed to LevelDB's thread and is on its way.
    if (when === 'during') queueMicrotask(die);
    else die();
  };
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}
