// `--record`: the deltas of a run as a file, for a scenario whose learner replays them.
import { encodeRecording, recordingOf, type Simulation } from '../../sim/index.ts';
import { CliError } from '../errors.ts';
import { writeWhole } from '../model-file.ts';

/** Who has learnt for longer has thrown the first deltas away. @throws CliError MELDMESH_USAGE */
export function refuseLongRecording({ scenario, manifest }: Simulation): void {
  const { horizon } = manifest.history;
  if (scenario.end.generations <= horizon) return;
  throw new CliError('MELDMESH_USAGE', `A recording holds at most ${horizon} generations of this mesh`, {
    hint: `Add --generations ${horizon}, or a larger history.horizon to the manifest`,
  });
}

/** What the honest peers have kept of everybody's deltas. @throws SimError where there are none yet */
export function recordDeltas({ honest, manifest }: Simulation, file: string): void {
  const entries = new Map(honest.flatMap(({ disk }) => [...disk.entries]));
  writeWhole(file, `${encodeRecording(recordingOf(entries, manifest))}\n`);
}
