// `meldmesh mesh` from start to end: plan, spawn, watch, report, stop. Each step has its own file; this one holds
// their order and what an interrupt does to it.
import { flushCompileCache } from 'node:module';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connectControl, hashOf } from '../../node/index.ts';
import { meshIdOf } from '../../protocols/index.ts';
import { CliError } from '../errors.ts';
import { formatCount } from '../format.ts';
import { onInterrupt } from '../interrupts.ts';
import { packageVersion } from '../program-version.ts';
import { openTerminal, type Terminal } from '../terminal.ts';
import { Display } from './display.ts';
import { type Evaluator, startEvaluator } from './evaluator.ts';
import type { MeshOptions } from './options.ts';
import { MODEL_FILE, outcomeText, writeModel, writeReport } from './outcome.ts';
import { type Plan, planMesh } from './plan.ts';
import { type RunningReferences, startReferences } from './references.ts';
import { makeReport } from './report.ts';
import { Scores } from './scores.ts';
import { LOG_FILE, logTail, spawnNode, type TrainerChoice, trainerNodes } from './spawn.ts';
import { killNodes, type StartedNode, stopNodes } from './stop.ts';
import { digestAt, liveViews, type NodeState, type NodeView, progressOf } from './view.ts';
import { MeshWatch } from './watch.ts';

/** Everybody is at the end: how long the last corrections may take before we say what we see. */
const SETTLE_MS = 15_000;
/** All hold one digest for so long: longer than two status answers take. */
const STEADY_MS = 1_500;
const INTERRUPTED = 130;

/**
 * Runs a mesh. `given` names the flags that were typed. Gives the exit status: 0 when all live nodes reached the
 * end with one digest, 130 after Ctrl-C.
 * @throws CliError and the coded errors of planning
 */
export async function runMesh(options: MeshOptions, given: readonly string[]): Promise<number> {
  // The nodes load the modules that are loaded here: on a first start they find them compiled.
  flushCompileCache();
  const terminal = openTerminal({ json: options.json });
  const plan = await planMesh(options, given);
  const run = new MeshRun(options, plan, terminal);
  return run.run();
}

class MeshRun {
  readonly #options: MeshOptions;
  readonly #plan: Plan;
  readonly #terminal: Terminal;
  readonly #startedAtMs = performance.timeOrigin;
  readonly #watch: MeshWatch;
  readonly #scores: Scores;
  readonly #display: Display;
  readonly #interrupted = new AbortController();
  #evaluator: Promise<Evaluator> | undefined;
  #references: RunningReferences | undefined;
  #started: StartedNode[] = [];
  #invited = false;

  constructor(options: MeshOptions, plan: Plan, terminal: Terminal) {
    this.#options = options;
    this.#plan = plan;
    this.#terminal = terminal;
    this.#watch = new MeshWatch({
      nodes: plan.nodes,
      startedAtMs: this.#startedAtMs,
      onEvent: (view, event) => {
        if (event.event !== 'generation') return;
        const { generation, digest } = event.detail;
        if (view.completed.get(generation)?.digest !== digest) return;
        this.#scores.want(digest, { niceToKnow: generation > options.generations });
      },
      onState: (view, before) => this.#sayState(view, before),
    });
    this.#scores = new Scores({
      fetch: (digest) => this.#fetchModel(digest),
      evaluate: async (weights) => (await this.#startEvaluator()).evaluate(weights),
      onScore: () => undefined,
    });
    this.#sayPlan();
    this.#display = new Display({
      terminal,
      views: this.#watch.views,
      generations: options.generations,
      startedAtMs: this.#startedAtMs,
      accuracyOf: (digest) => this.#scores.get(digest)?.accuracy,
      isPending: (digest) => this.#scores.isPending(digest),
    });
  }

  async run(): Promise<number> {
    const stopListening = this.#listenToSignals();
    try {
      await this.#spawn();
      this.#watch.start();
      if (this.#options.references) {
        const { generations, backend } = this.#options;
        this.#references = startReferences({ store: this.#plan.store, generations, backend });
      }
      // Started after the nodes, which are the ones in a hurry; its failure is met where it is awaited.
      this.#startEvaluator().catch(() => undefined);
      const agreed = await this.#waitForEnd();
      if (this.#interrupted.signal.aborted) return await this.#afterInterrupt();
      await Promise.race([this.#finish(), untilAborted(this.#interrupted.signal)]);
      if (this.#options.keepRunning) await untilAborted(this.#interrupted.signal);
      if (this.#interrupted.signal.aborted) return await this.#afterInterrupt();
      if (agreed) return 0;
      throw new CliError('MELDMESH_MESH_DISAGREES', 'The nodes do not hold one model at the end', {
        hint: `Compare their logs ${join(this.#plan.store, 'node-*', LOG_FILE)}`,
      });
    } finally {
      stopListening();
      this.#display.close();
      this.#references?.stop();
      if (!this.#interrupted.signal.aborted) await stopNodes(this.#watch, this.#started);
      this.#watch.close();
      await this.#evaluator?.then((evaluator) => evaluator.close()).catch(() => undefined);
    }
  }

  #sayPlan(): void {
    const { seed, store, manifest, nodes, resumed } = this.#plan;
    const { model, codec } = manifest;
    const shape = [model.inputs, ...model.layers.map((layer) => layer.units)].join('-');
    const shares = nodes.filter((node) => node.samples > 0).map((node) => formatCount(node.samples));
    const verb = resumed ? 'goes on in' : 'writes to';
    this.#terminal.say(
      [
        `meldmesh ${packageVersion()}: ${nodes.length} nodes learn MNIST together, no server; seed ${seed}`,
        `mesh ${meshIdOf(manifest, hashOf).slice(0, 16)}, model ${shape}, deltas ${codec}, ${verb} ${relative('.', store) || '.'}`,
        `digits of each node: ${shares.join(', ')}`,
        ...trainerLines(this.#plan, this.#options),
      ].join('\n'),
    );
  }

  async #spawn(): Promise<void> {
    const { generations, keepRunning, threads, backend } = this.#options;
    for (const node of this.#plan.nodes) {
      if (this.#plan.resumed && (await isRunning(node.store))) continue;
      const child = spawnNode(this.#plan, node, {
        generations: keepRunning ? undefined : generations,
        threads,
        backend,
        trainer: trainerChoice(this.#options),
      });
      child.once('error', () => this.#watch.exited(node.index));
      child.once('exit', () => this.#watch.exited(node.index));
      this.#started.push({ index: node.index, child });
    }
    const pids = this.#started.map(({ index, child }) => `node ${index} is ${child.pid}`);
    if (pids.length > 0) this.#display.say(`processes: ${pids.join(', ')}`);
  }

  /** Gives whether all live nodes hold one digest at the end. */
  async #waitForEnd(): Promise<boolean> {
    const { generations } = this.#options;
    let completeSinceMs: number | undefined;
    let agreedSinceMs: number | undefined;
    while (!this.#interrupted.signal.aborted) {
      this.#invite();
      const progress = progressOf(this.#watch.views, generations);
      if (progress.kind === 'dead') throw this.#deadMesh();
      this.#refuseTrainer();
      if (progress.kind === 'complete') {
        const nowMs = performance.now();
        completeSinceMs ??= nowMs;
        agreedSinceMs = progress.agreed ? (agreedSinceMs ?? nowMs) : undefined;
        // The nodes ask one another before they call it settled; who sees all of them knows it sooner.
        const isSteady = agreedSinceMs !== undefined && nowMs - agreedSinceMs > STEADY_MS;
        if (progress.agreed && (progress.settled || isSteady)) return true;
        if (nowMs - completeSinceMs > SETTLE_MS) return progress.agreed;
      } else {
        completeSinceMs = undefined;
      }
      await pause(100, undefined, { signal: this.#interrupted.signal }).catch(() => undefined);
    }
    return false;
  }

  /** The line for people on another terminal, once there is somebody to dial. */
  #invite(): void {
    const status = this.#watch.views[0].status;
    if (this.#invited || status === undefined || status.backend === 'none') return;
    this.#invited = true;
    this.#display.say(`backend ${status.backend}; another terminal can join:`);
    this.#display.say(`  npx meldmesh join ${status.invitation} --data mnist`);
  }

  #sayState(view: NodeView, before: NodeState): void {
    const { index, store } = view.node;
    if (view.state === 'lost') {
      const tail = logTail(store, 1).map((line) => ` Its log ends: ${line}`);
      this.#display.say(`node ${index} is lost at generation ${view.generation}; the others go on.${tail}`);
    } else if (view.state === 'silent') {
      this.#display.say(`node ${index} does not answer; the others go on.`);
    } else if (view.state === 'live' && before !== 'starting') {
      this.#display.say(`node ${index} is back at generation ${view.generation}.`);
    }
  }

  /** A trainer that does not even start is a typing error, and the others would wait for that node. */
  #refuseTrainer(): void {
    for (const { node, state, generation } of this.#watch.views) {
      if (state !== 'lost' || generation > 0) continue;
      const [line = ''] = logTail(node.store, 1);
      if (!line.startsWith('MELDMESH_TRAINER_')) continue;
      throw new CliError('MELDMESH_MESH_FAILED', `Node ${node.index} cannot train. ${line}`, {
        hint: 'Correct --trainer and start again',
      });
    }
  }

  #deadMesh(): CliError {
    const { store } = this.#plan.nodes[0];
    const tail = logTail(store, 2).join(' ');
    return new CliError(
      'MELDMESH_MESH_FAILED',
      `The mesh has no node 0 to meet at, or no node at all. The log of node 0 ends: ${tail || '(empty)'}`,
      {
        hint: `Look at ${join(store, LOG_FILE)}`,
      },
    );
  }

  #startEvaluator(): Promise<Evaluator> {
    this.#evaluator ??= startEvaluator(this.#plan.manifest, this.#options.backend);
    return this.#evaluator;
  }

  /** From whichever node still has it. */
  async #fetchModel(digest: string): Promise<Float32Array | undefined> {
    const holders = this.#watch.views.filter((view) => view.digest === digest);
    const others = this.#watch.views.filter((view) => view.digest !== digest);
    for (const view of [...holders, ...others]) {
      const client = this.#watch.client(view);
      const model = await client?.model({ digest }).catch(() => undefined);
      if (model !== undefined) return model.weights;
    }
    return undefined;
  }

  async #finish(): Promise<void> {
    const seconds = (Date.now() - this.#startedAtMs) / 1000;
    const { generations, keepRunning } = this.#options;
    await this.#watch.refresh();
    const finals = liveViews(this.#watch.views).map((view) => digestAt(view, generations));
    for (const digest of finals) if (digest !== undefined) this.#scores.want(digest);
    const finalDigest = finals.find((digest) => digest !== undefined);
    const weights = finalDigest === undefined ? undefined : await this.#fetchModel(finalDigest);
    const outFile = this.#options.out ?? join(this.#plan.store, MODEL_FILE);
    const { manifest, store, seed } = this.#plan;
    if (weights !== undefined && finalDigest !== undefined) {
      writeModel(outFile, { manifest, weights, generation: generations, digest: finalDigest });
    }
    // Their processors are free for the reference lines then.
    const states = this.#watch.views.map((view) => ({ ...view }));
    if (!keepRunning) {
      // Models are fetched from running nodes: wait for the last ones before the nodes go.
      await this.#scores.fetched();
      await stopNodes(this.#watch, this.#started);
    }
    await this.#scores.drain();
    this.#display.refresh(states);
    if (this.#references !== undefined)
      this.#display.say('The nodes are done; computing the reference lines.');
    const references = await this.#references?.result;
    const report = makeReport({
      seed,
      codec: manifest.codec,
      seconds,
      generations,
      views: states,
      scoreOf: (digest) => this.#scores.get(digest),
    });
    writeReport(store, report, references);
    // The live lines stand above the summary.
    if (!keepRunning) this.#display.close();
    const modelFile = weights === undefined ? undefined : outFile;
    this.#display.say(outcomeText({ report, references, modelFile, store }));
    if (this.#options.json) this.#terminal.result(JSON.stringify(report));
  }

  #listenToSignals(): () => void {
    const stopInterrupts = onInterrupt(
      () => {
        this.#display.say('Stopping all nodes; Ctrl-C again kills them at once.');
        this.#interrupted.abort();
      },
      () => {
        killNodes(this.#started);
        this.#references?.stop();
        process.exit(INTERRUPTED);
      },
    );
    const leave = (): void => {
      const where = relative('.', this.#plan.store);
      this.#display.say(
        `The nodes learn on without this watcher; see them with: meldmesh status --store ${where}`,
      );
      this.#references?.stop();
      process.exit(143);
    };
    process.on('SIGTERM', leave);
    return () => {
      stopInterrupts();
      process.off('SIGTERM', leave);
    };
  }

  async #afterInterrupt(): Promise<number> {
    this.#references?.stop();
    await stopNodes(this.#watch, this.#started);
    this.#display.say(`Stopped. Go on with: meldmesh mesh --store ${relative('.', this.#plan.store)}`);
    return INTERRUPTED;
  }
}

function trainerChoice(options: MeshOptions): TrainerChoice | undefined {
  const { trainer, trainerNodes: nodes, trainerTimeout } = options;
  return trainer === undefined ? undefined : { command: trainer, nodes, timeoutSeconds: trainerTimeout };
}

function trainerLines(plan: Plan, options: MeshOptions): readonly string[] {
  const choice = trainerChoice(options);
  if (choice === undefined) return [];
  const nodes = trainerNodes(plan, choice);
  const verb = nodes.length === 1 ? 'trains' : 'train';
  return [`node ${nodes.join(', ')} ${verb} with: ${choice.command}`];
}

async function isRunning(store: string): Promise<boolean> {
  const client = await connectControl(store).catch(() => undefined);
  client?.close();
  return client !== undefined;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
