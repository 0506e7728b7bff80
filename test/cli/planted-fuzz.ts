// `meldmesh sim fuzz` with a bug in every member: what it finds, tells and writes can be tested. Arguments: the first seed,
// and how many worlds.
import { runFuzz } from '../../cli/sim/fuzz.ts';
import { forgottenResidual, planted } from '../sim/planted/bugs.ts';

const [, , from, seeds] = process.argv;
const options = { from, seeds: Number(seeds), minutes: undefined, json: true };
process.exitCode = await runFuzz(options, planted(forgottenResidual));
