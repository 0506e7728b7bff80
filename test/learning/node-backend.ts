// Whether the optional backend `node`, libtensorflow, can be tested here. `MELDMESH_REQUIRE`, a list with commas, says
// what has to be there: then its tests are registered in any case, and fail where it is not.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

function isInstalled(): boolean {
  try {
    const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node/package.json');
    return existsSync(join(dirname(manifest), 'lib'));
  } catch {
    return false;
  }
}

const isRequired = (process.env.MELDMESH_REQUIRE ?? '').split(',').includes('tfjs-node');
const isTested = isRequired || isInstalled();
if (!isTested)
  console.log('libtensorflow is not tested: it is not here; `npm run setup:tfjs-node` installs it');

/** To be spread into a list of backends. */
export const nodeBackend: readonly 'node'[] = isTested ? ['node'] : [];
