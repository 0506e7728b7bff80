// `meldmesh join`: one node from its flags to its clean end. It composes what other rooms offer and prints what
// the node says.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DataExpectation, Dataset } from '../../learning/index.ts';
import {
  type ControlServer,
  createNode,
  type MeldNode,
  type NodeOptions,
  startControl,
  type TrainerCommand,
} from '../../node/index.ts';
import { canonicalBytes, type Manifest } from '../../protocols/index.ts';
import { testData, trainingData } from '../data.ts';
import { onInterrupt } from '../interrupts.ts';
import { readManifestFile } from '../manifest-file.ts';
import { readModelFile } from '../model-file.ts';
import { MANIFEST_FILE } from '../stores.ts';
import { openTerminal } from '../terminal.ts';
import { dryRunText } from './dry-run.ts';
import { reportEvents, startedLine } from './lines.ts';
import {
  encodeSettings,
  type JoinRequest,
  type JoinSettings,
  resolveSettings,
  SETTINGS_FILE,
} from './settings.ts';

/** After the end a node stays this long for neighbours that still lack something. */
const LINGER_MS = 10_000;
/** Without neighbours nobody can agree: then the end is believed after this. */
const ALONE_MS = 60_000;
const INTERRUPTED = 130;

/**
 * Runs a node until its end, a signal or a stop through its socket. Gives the exit status: 130 after Ctrl-C.
 * @throws coded errors of settings, data, store and network
 */
export async function runJoin(request: JoinRequest): Promise<number> {
  const { options } = request;
  const settings = resolveSettings(request);
  const manifest = options.manifest === undefined ? undefined : readManifestFile(options.manifest);
  const terminal = openTerminal({ json: options.json });
  const expected: DataExpectation = { inputs: manifest?.data.inputs, classes: manifest?.data.classes };
  if (options.dryRun) {
    const samples = loadTraining(settings, expected)?.count;
    terminal.result(dryRunText({ settings, manifest, samples }));
    return 0;
  }
  const node = await openNode(request, { settings, manifest, expected });
  const ending = new Ending();
  let control: ControlServer | undefined;
  try {
    // The node holds the lock of its store, so a socket that is left there is nobody's.
    control = await startControl({ store: options.store, node, onStop: () => ending.reach(0) });
    const { watchers } = control;
    ending.listenToSignals();
    reportEvents(node, { terminal, json: options.json });
    writeFileSync(join(options.store, SETTINGS_FILE), encodeSettings(settings));
    // For `evaluate` and `predict` beside the running node, whose database is locked.
    if (manifest !== undefined) writeFileSync(join(options.store, MANIFEST_FILE), canonicalBytes(manifest));
    void node.failed.then((error) => ending.fail(error));
    await Promise.race([node.start(), ending.reached]);
    if (!options.json && !ending.isReached) terminal.say(startedLine(node.status()));
    if (settings.generations !== undefined && !settings.keepRunning) {
      void endWhenDone(node, ending, () => watchers() > 0);
    }
    return await ending.reached;
  } finally {
    await node.stop();
    await control?.close();
  }
}

async function openNode(
  request: JoinRequest,
  context: {
    readonly settings: JoinSettings;
    readonly manifest: Manifest | undefined;
    readonly expected: DataExpectation;
  },
): Promise<MeldNode> {
  const { invitation, options } = request;
  const { settings, manifest, expected } = context;
  const { listen, announce, bootstrap, backend, threads, seed, generations, mdns, test } = settings;
  return createNode({
    store: options.store,
    manifest,
    invitation,
    data: loadTraining(settings, expected),
    test: test === undefined ? undefined : testData({ data: test, expected }),
    trainer: trainerOf(settings),
    from: foreignModel(settings),
    listen,
    announce,
    bootstrap,
    backend,
    threads,
    seed,
    generations,
    waitForPeers: options.waitForPeers,
    mdns,
  });
}

/** Read once the mesh's manifest is known: a file may have none of its own. */
function foreignModel({ from, fromSamples }: JoinSettings): NodeOptions['from'] {
  if (from === undefined) return undefined;
  return {
    name: from,
    read: (manifest) => {
      const { weights, samples } = readModelFile(from, manifest);
      return { weights, samples: fromSamples ?? samples };
    },
  };
}

function trainerOf({ trainer, trainerTimeout }: JoinSettings): TrainerCommand | undefined {
  if (trainer === undefined) return undefined;
  return { ...trainer, timeoutMs: trainerTimeout === undefined ? undefined : 1_000 * trainerTimeout };
}

function loadTraining(settings: JoinSettings, expected: DataExpectation): Dataset | undefined {
  const { data, labelColumn, indices } = settings;
  return data === undefined ? undefined : trainingData({ data, labelColumn, indices, expected });
}

/** The one moment at which a node is told to end, and why. */
class Ending {
  readonly reached: Promise<number>;
  #resolve: (status: number) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #isReached = false;

  constructor() {
    this.reached = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever awaits it hears of it; before that a failure must not end the process.
    this.reached.catch(() => undefined);
  }

  get isReached(): boolean {
    return this.#isReached;
  }

  reach(status: number): void {
    this.#isReached = true;
    this.#resolve(status);
  }

  /** The node cannot go on. */
  fail(error: Error): void {
    this.#isReached = true;
    this.#reject(error);
  }

  /** A second Ctrl-C does not wait for the clean end. */
  listenToSignals(): void {
    onInterrupt(
      () => this.reach(INTERRUPTED),
      () => process.exit(INTERRUPTED),
    );
    process.on('SIGTERM', () => this.reach(0));
  }
}

/** A node whose generations are done leaves, unless somebody is watching it or a neighbour may need it. */
async function endWhenDone(node: MeldNode, ending: Ending, isWatched: () => boolean): Promise<void> {
  let settledAtMs: number | undefined;
  let doneAtMs: number | undefined;
  node.on('settled', () => {
    settledAtMs ??= performance.now();
  });
  while (!ending.isReached) {
    await pause(500);
    const nowMs = performance.now();
    if (node.status().phase === 'done') doneAtMs ??= nowMs;
    const lingered = settledAtMs !== undefined && nowMs - settledAtMs > LINGER_MS;
    const alone = doneAtMs !== undefined && nowMs - doneAtMs > ALONE_MS;
    if ((lingered || alone) && !isWatched()) ending.reach(0);
  }
}
