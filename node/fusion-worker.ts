// The entry of the fusion thread: a local fusion and a mailbox. Large models are fused here, so that the thread
// that runs libp2p is never held up by arithmetic.
import { parentPort, workerData } from 'node:worker_threads';
import { codecNamed, createModelLine, initialWeights, layoutOf } from '../fusion/index.ts';
import { digestOf, fusePlan } from '../protocols/index.ts';
import type { FusionAnswer, FusionRequest, FusionSettings } from './fusion-messages.ts';
import { hashOf } from './hash.ts';

const settings: FusionSettings = workerData;
const codec = codecNamed(settings.codec);
if (codec === undefined || parentPort === null)
  throw new Error('the fusion thread is started by its host only');
const port = parentPort;
const line = createModelLine({
  ...settings,
  codec,
  layout: layoutOf(settings.model),
  initial: initialWeights(settings.model, settings.initialSeed),
});

function act(request: FusionRequest): Pick<FusionAnswer, 'ticket' | 'generations' | 'error'> {
  const ticket = request.kind === 'fuse' ? request.plan.ticket : request.ticket;
  try {
    if (request.kind === 'fuse')
      return { ticket, generations: fusePlan(line, request.plan, hashOf), error: undefined };
    line.adopt(request.generation, request.model, request.momentum);
    return { ticket, generations: [digestOf(line, hashOf)], error: undefined };
  } catch (error) {
    return { ticket, generations: undefined, error: String(error) };
  }
}

port.on('message', (request: FusionRequest) => {
  const answer: FusionAnswer = {
    ...act(request),
    head: { generation: line.generation, model: line.model(), momentum: line.momentum() },
    snapshots: line.snapshots(),
  };
  port.postMessage(answer);
});
