// The cache: finished steps under their names. A step works in a folder with another name and is renamed when it is
// done, so that whatever interrupts it, a name stands for something whole.
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, TFJS_NODE_VERSION, thisMachine, WHEEL } from './machine.js';
import { SetupError } from './messages.js';

/** Opens the cache of this version and machine; `force` empties it. */
export async function openCache({ force }, say) {
  const { platform, arch } = thisMachine();
  const folder = join(cacheFolder(), `${TFJS_NODE_VERSION}-tensorflow-${WHEEL.version}-${platform}-${arch}`);
  if (force) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder);
  say(`cache: ${folder}`);
  return new Cache(folder);
}

class Cache {
  constructor(folder) {
    this.folder = folder;
  }

  path(name) {
    return join(this.folder, name);
  }

  has(name) {
    return existsSync(this.path(name));
  }

  /** Makes what has this name, unless it is there: `make` fills the folder it is given. */
  async step(name, make) {
    if (this.has(name)) return;
    const partial = this.path(`${name}.partial-${process.pid}`);
    await mkdir(partial, { recursive: true });
    await make(partial);
    try {
      await rename(partial, this.path(name));
    } catch (error) {
      // Somebody else has made the same meanwhile.
      if (!this.has(name)) throw error;
      await rm(partial, { recursive: true });
    }
  }

  async remove(name) {
    await rm(this.path(name), { recursive: true, force: true });
  }

  async checkRoom() {
    const { bavail, bsize } = await statfs(this.folder);
    const free = Math.floor((bavail * bsize) / 1e6);
    if (free >= WHEEL.roomMegabytes) return;
    const text = `building takes ${WHEEL.roomMegabytes} MB and ${free} MB are free for ${this.folder}`;
    const advice = 'make room, or name a folder on another disk in MELDMESH_TFJS_NODE_CACHE';
    throw new SetupError('MELDMESH_SETUP_DISK', text, advice);
  }
}

/** Removes unfinished work of runs that are no more from a folder, if it is there. */
export async function removeLeftovers(folder) {
  if (!existsSync(folder)) return;
  for (const name of await readdir(folder)) {
    const pid = Number(/\.partial-(\d+)$/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
