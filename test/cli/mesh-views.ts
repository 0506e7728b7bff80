// Views of pretended nodes for the tests of display and report.
import { applyEvent, applyStatus, type NodeView, newView } from '../../cli/mesh/view.ts';
import type { NodeStatus } from '../../node/index.ts';

const NO_BYTES = { gossip: 0, transfer: 0, control: 0 };

export function statusAt(generation: number, digest: string): NodeStatus {
  return {
    peerId: 'alice',
    meshId: 'ab'.repeat(32),
    addresses: ['/ip4/127.0.0.1/tcp/4001'],
    invitation: 'meldmesh1:x',
    backend: 'wasm',
    codec: 'top1:1',
    observing: false,
    generation,
    digest,
    samples: 1_600,
    phase: 'training',
    peers: ['bob', 'charlie'],
    deltasHeard: 12,
    accuracy: undefined,
    loss: undefined,
    bytesIn: { gossip: 40_000, transfer: 0, control: 2_000 },
    bytesOut: { gossip: 39_000, transfer: 10, control: 1_000 },
    refused: { 'wrong-mesh': 2 },
    rssPeakMiB: 211.26,
    eventLoopDelayP99Ms: 12.345,
    lastError: undefined,
    seconds: 75,
  };
}

/** A node that has completed generations 1 … n with these digests, 100 ms and 1,000 bytes each. */
export function viewOf(index: number, digests: readonly string[]): NodeView {
  const view = newView({
    index,
    store: `/nowhere/node-${index}`,
    peerId: `peer-${index}`,
    samples: 1_600,
    indicesFile: 'indices.json',
    listen: [],
    announce: [],
    bootstrap: undefined,
    seed: 's',
  });
  for (const [before, digest] of digests.entries()) complete(view, before + 1, digest);
  applyStatus(view, statusAt(digests.length, digests.at(-1) ?? 'initial'));
  view.state = 'live';
  return view;
}

export function complete(view: NodeView, generation: number, digest: string): void {
  const bytes = { ...NO_BYTES, gossip: 1_000 * generation };
  applyEvent(
    view,
    {
      event: 'generation',
      atMs: 5_000 + 100 * generation + view.node.index,
      detail: { generation, digest, contributors: 2, samples: 3_200, corrected: false },
      counts: { bytesIn: bytes, bytesOut: bytes, deltasHeard: 1 },
    },
    5_000,
  );
}
