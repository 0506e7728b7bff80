// What would leave this machine if this node were started, said before anything does. It opens no socket.
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import { admitsForeign, FOREIGN_CODEC, lineageOf, type Manifest } from '../../protocols/index.ts';
import { formatBytes, formatCount, formatPercent } from '../format.ts';
import type { JoinSettings } from './settings.ts';

/** A record without payload and votes: header, signature, framing. */
const RECORD_BYTES = 350;

/**
 * Lines of text. `manifest` is absent when it would first be fetched from the mesh; `samples` is what the data
 * hold, `undefined` for an observer and for a trainer with data of its own.
 */
export function dryRunText(options: {
  readonly settings: JoinSettings;
  readonly manifest: Manifest | undefined;
  readonly samples: number | undefined;
}): string {
  const { settings, manifest, samples } = options;
  const lines = ['This is a dry run: nothing was sent, nothing was written.', ''];
  if (settings.trainer !== undefined) {
    const { command, cwd } = settings.trainer;
    lines.push('Program that it would start to train, with the rights of this user:');
    lines.push(`  ${command.join(' ')}`, `  in ${cwd}`);
  }
  lines.push('Addresses that this node would dial:');
  const dialled = settings.bootstrap ?? [];
  lines.push(...(dialled.length === 0 ? ['  none'] : dialled.map((address) => `  ${address}`)));
  lines.push('  and members that it learns of from those');
  if (settings.mdns)
    lines.push('  It would also ask the local network for members by multicast (mDNS; --no-mdns).');
  lines.push('Addresses where it would listen:');
  lines.push(...(settings.listen ?? ['/ip4/0.0.0.0/tcp/0']).map((address) => `  ${address}`));
  lines.push('', 'What would leave this machine:', ...deltaLines(settings, manifest, samples));
  lines.push(
    '  heads           your generation, digests of your model and of the sets of deltas that you hold',
    '  answers         deltas, snapshots and the manifest, which all members hold alike, to members that ask',
    '  identification  your peer id, public key, listening addresses, protocols and the version of meldmesh',
  );
  lines.push(
    '',
    'What would not: samples, labels, file names, your own model before it is fused, optimiser state.',
  );
  lines.push(
    'There is no privacy guarantee yet: deltas are computed from your samples, and a member that keeps them can',
    'try to learn about those. Every delta is signed and is kept by the others; it cannot be called back.',
  );
  return lines.join('\n');
}

function deltaLines(
  settings: JoinSettings,
  manifest: Manifest | undefined,
  samples: number | undefined,
): readonly string[] {
  if (samples === undefined && settings.trainer === undefined)
    return ['  no deltas       an observer does not train'];
  if (manifest === undefined) {
    return [
      '  deltas          one signed record a generation; size and codec stand in the manifest, which would first',
      '                  be fetched from the mesh (give --manifest FILE to see them here)',
      `                  it states your number of samples (${said(samples)}), capped by the manifest`,
    ];
  }
  const codec = codecNamed(manifest.codec);
  const layout = layoutOf(manifest.model);
  const bytes = codec?.payloadBytesMax(layout) ?? 0;
  const claimed = samples && Math.min(samples, manifest.limits.samplesMax);
  const whole = layout.size * 4;
  const foreign = foreignLine(settings, manifest);
  return [
    '  deltas          one signed record a generation: mesh id, your peer id, generation, digest',
    '                  of the model that you started from, ids of deltas that you knew, codec, payload',
    `                  number of samples: ${said(claimed)}`,
    `                  payload: ${manifest.codec}, at most ${formatBytes(bytes)} of ${formatBytes(whole)} (${formatPercent(bytes / whole)} of the model)`,
    `                  with its record about ${formatBytes(bytes + RECORD_BYTES)}, sent to a few neighbours and relayed by them`,
    ...(foreign === undefined ? [] : [foreign]),
  ];
}

/** What the first delta would carry besides. */
function foreignLine({ from }: JoinSettings, manifest: Manifest): string | undefined {
  if (from === undefined || !admitsForeign(manifest)) return undefined;
  const bytes = codecNamed(FOREIGN_CODEC)?.payloadBytesMax(layoutOf(manifest.model)) ?? 0;
  const when = lineageOf(manifest) === 'align' ? 'if it fits, ' : '';
  return `                  ${when}the first one holds the model of --from in ${FOREIGN_CODEC}: ${formatBytes(bytes)}`;
}

function said(samples: number | undefined): string {
  return samples === undefined ? 'what the trainer says' : formatCount(samples);
}
