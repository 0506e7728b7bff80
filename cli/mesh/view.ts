// What the watcher knows of one node, as plain data for the display, the report and the decision that all is done.
import type { ControlEvent, NodeStatus } from '../../node/index.ts';
import type { PlannedNode } from './plan.ts';

export type NodeState =
  /** Its process runs and has not answered yet. */
  | 'starting'
  | 'live'
  /** The process is there and does not answer. */
  | 'silent'
  /** It went without having been asked to. */
  | 'lost'
  | 'stopped';

/** A node at the moment when it first completed a generation. */
export interface Completed {
  readonly digest: string;
  /** Since the mesh was started. */
  readonly seconds: number;
  /** Bytes received until then, all kinds. */
  readonly bytesIn: number;
}

export interface NodeView {
  readonly node: PlannedNode;
  state: NodeState;
  status: NodeStatus | undefined;
  /** Newest generation heard of, and the digest of the model at it, corrections included. */
  generation: number;
  digest: string | undefined;
  readonly completed: Map<number, Completed>;
  /** By generation, the digest as it was heard last. */
  readonly corrected: Map<number, string>;
  /** The node said that its neighbours agree with it at the last generation. */
  settled: boolean;
}

export function newView(node: PlannedNode): NodeView {
  return {
    node,
    state: 'starting',
    status: undefined,
    generation: 0,
    digest: undefined,
    completed: new Map(),
    corrected: new Map(),
    settled: false,
  };
}

/** Takes an event of the node into its view. `startedAtMs` is the wall clock at the start of the mesh. */
export function applyEvent(view: NodeView, event: ControlEvent, startedAtMs: number): void {
  if (event.event === 'settled') {
    view.settled = true;
    return;
  }
  if (event.event !== 'generation') return;
  const { generation, digest } = event.detail;
  if (!view.completed.has(generation)) {
    const { gossip, transfer, control } = event.counts?.bytesIn ?? { gossip: 0, transfer: 0, control: 0 };
    const seconds = Math.max(0, (event.atMs - startedAtMs) / 1000);
    view.completed.set(generation, { digest, seconds, bytesIn: gossip + transfer + control });
  }
  view.corrected.set(generation, digest);
  if (generation >= view.generation) {
    view.generation = generation;
    view.digest = digest;
  }
}

/** Takes a status answer, which is the newest word on generation and digest. */
export function applyStatus(view: NodeView, status: NodeStatus): void {
  view.status = status;
  view.generation = status.generation;
  view.digest = status.digest;
}

const OWN_BACKENDS = new Set(['none', 'node', 'wasm', 'cpu']);

/** The name of the program that trains for a node; absent where meldmesh itself does, and while it is not known. */
export function trainerOf({ status }: NodeView): string | undefined {
  return status === undefined || OWN_BACKENDS.has(status.backend) ? undefined : status.backend;
}

/** The digest of a node's model at a generation, as far as the node has told. */
export function digestAt(view: NodeView, generation: number): string | undefined {
  return view.generation === generation ? view.digest : view.corrected.get(generation);
}

/** Nodes that still count: what is lost or silent does not hold up the others. */
export function liveViews(views: readonly NodeView[]): readonly NodeView[] {
  return views.filter((view) => view.state === 'live');
}

export type Progress =
  | { readonly kind: 'running' }
  /** Everybody is at the end; `agreed` when with one digest. */
  | { readonly kind: 'complete'; readonly agreed: boolean; readonly settled: boolean }
  /** There is nobody left to wait for. */
  | { readonly kind: 'dead' };

/** Where the mesh stands on its way to a generation. */
export function progressOf(views: readonly NodeView[], generations: number): Progress {
  if (views.every((view) => view.state === 'lost' || view.state === 'stopped')) return { kind: 'dead' };
  // The others know nobody but node 0: without it they never find one another.
  const isOrphaned = views[0].state === 'lost' && views.every((view) => view.generation === 0);
  if (isOrphaned) return { kind: 'dead' };
  if (views.some((view) => view.state === 'starting')) return { kind: 'running' };
  const live = liveViews(views);
  if (live.length === 0 || live.some((view) => view.generation < generations)) return { kind: 'running' };
  const agreed = new Set(live.map((view) => digestAt(view, generations))).size === 1;
  // An observer has nothing to finish: it is settled when it is where the others are.
  const settled = live.every((view) => view.settled || view.node.indicesFile === undefined);
  return { kind: 'complete', agreed, settled };
}
