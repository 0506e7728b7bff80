// The fusion port over a model line in the caller's thread. It puts off each request, not only its answer: what a
// reader sees while a plan is under way is then the state of the last answer. Hosts whose models are large run the
// same functions on another thread.
import {
  assert,
  type Codec,
  codecNamed,
  createModelLine,
  type GenerationPart,
  type ModelLayout,
  type ModelLine,
} from '../fusion/index.ts';
import type { FusedGeneration, Fusion, FusionPart, FusionPlan, PortEvent, Signer, Ticket } from './ports.ts';

export interface LocalFusionOptions {
  readonly layout: ModelLayout;
  readonly initial: Float32Array;
  readonly codec: Codec;
  readonly rule: string;
  readonly outerMomentum: number;
  readonly outerLearningRate: number;
  readonly horizon: number;
  readonly hash: Signer['hash'];
  /** Runs it later, never at once, in the order of the calls. */
  readonly defer: (run: () => void) => void;
  readonly deliver: (event: PortEvent) => void;
}

export function createLocalFusion(options: LocalFusionOptions): Fusion {
  const { hash, defer, deliver } = options;
  const line = createModelLine(options);
  const answer = answering({ defer, deliver });
  return {
    fuse: (plan) => answer(plan.ticket, () => fusePlan(line, plan, hash)),
    adopt(generation, model, momentum, ticket) {
      const [S, m] = [model.slice(), momentum.slice()];
      answer(ticket, () => {
        line.adopt(generation, S, m);
        return [digestOf(line, hash)];
      });
    },
    model: () => line.model(),
    momentum: () => line.momentum(),
    snapshotAtOrBelow: (generation) =>
      generation < line.floor() ? undefined : line.snapshotAtOrBelow(generation),
    snapshot: (generation) => line.snapshots().find((snapshot) => snapshot.generation === generation),
  };
}

/** Puts off the work of a request together with its answer, `fused` or `failed`. */
export function answering({ defer, deliver }: Pick<LocalFusionOptions, 'defer' | 'deliver'>) {
  return (ticket: Ticket, work: () => readonly FusedGeneration[]): void => {
    defer(() => {
      let event: PortEvent;
      try {
        event = { kind: 'fused', ticket, generations: work() };
      } catch (error) {
        event = { kind: 'failed', ticket, error: String(error) };
      }
      deliver(event);
    });
  };
}

/** Rolls the line back and applies a plan; the digests of each generation on the way. */
export function fusePlan(
  line: ModelLine,
  plan: FusionPlan,
  hash: Signer['hash'],
): readonly FusedGeneration[] {
  line.rollback(plan.rollbackTo);
  return plan.generations.map(({ generation, parts }) => {
    line.apply(generation, generationParts(parts));
    return digestOf(line, hash);
  });
}

/** Parts with the codecs that they name; a record with an unknown one never comes so far. */
export function generationParts(parts: readonly FusionPart[]): readonly GenerationPart[] {
  return parts.map(({ codec: name, payload, samples }) => {
    const codec = name === undefined ? undefined : codecNamed(name);
    assert(name === undefined || codec !== undefined, `a part names a codec that exists: ${name}`);
    return { payload, samples, codec };
  });
}

/** The digests of the state that a line is at. */
export function digestOf(line: ModelLine, hash: Signer['hash']): FusedGeneration {
  const model = bytesOf(line.model());
  return { generation: line.generation, model: hash(model), state: hash(model, bytesOf(line.momentum())) };
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
