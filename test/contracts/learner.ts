// What every `Learner` promises. Run on simulated learners and on a node's, in its worker.
import assert from 'node:assert/strict';
import { codecNamed, initialWeights, layoutOf } from '../../fusion/index.ts';
import { hashOf } from '../../node/hash.ts';
import {
  initialSeedOf,
  type Learner,
  meshIdOf,
  type PortEvent,
  parseManifestConfig,
  type TrainJob,
} from '../../protocols/index.ts';

export interface LearnerWorld {
  /** A learner of the manifest below, each time the same one; an observer has no data. */
  open(deliver: (event: PortEvent) => void, isObserver: boolean): Promise<Learner>;
  /** What compression has left out, as the state of a `trained` event has it. */
  residualOf(state: Uint8Array): Float32Array;
  /** Lets a few milliseconds pass. */
  pass(): Promise<void>;
  close(): Promise<void>;
}

const PASSES_MAX = 2_000;
const { manifest: parsed } = parseManifestConfig({
  name: 'learner',
  model: 'mlp:5',
  data: { inputs: 6, classes: 3 },
  codec: 'top20:8',
});
assert(parsed !== undefined);
/** What `open` is to build its learners from. */
export const manifest = parsed;
export const meshId = meshIdOf(manifest, hashOf);
const layout = layoutOf(manifest.model);
const codec = codecNamed(manifest.codec) ?? assert.fail('no such codec');
const model = initialWeights(manifest.model, initialSeedOf(meshId));

type Trained = PortEvent & { readonly kind: 'trained' };

/** Asks a learner as a machine does. */
class LearnerAsker {
  readonly #world: LearnerWorld;
  readonly #answers = new Map<number, PortEvent>();
  readonly #asked = new Set<number>();
  #port: Learner | undefined;
  #ticket = 0;
  #isAsking = false;

  private constructor(world: LearnerWorld) {
    this.#world = world;
  }

  static async open(world: LearnerWorld, isObserver = false): Promise<LearnerAsker> {
    const asker = new LearnerAsker(world);
    const deliver = (event: PortEvent): void => asker.#take(event);
    asker.#port = await world.open(deliver, isObserver);
    return asker;
  }

  get port(): Learner {
    return this.#port ?? assert.fail('it is open');
  }

  async train(generation: number, takeBack: TrainJob['takeBack'] = []): Promise<PortEvent> {
    const passing = model.slice();
    return await this.#ask((ticket) => {
      this.port.train({ ticket, model: passing, generation, takeBack });
      passing.fill(Number.NaN);
    });
  }

  async trained(generation: number, takeBack: TrainJob['takeBack'] = []): Promise<Trained> {
    const event = await this.train(generation, takeBack);
    assert(event.kind === 'trained', event.kind === 'failed' ? event.error : event.kind);
    return event;
  }

  async evaluate(): Promise<PortEvent> {
    return await this.#ask((ticket) => this.port.evaluate(model, ticket));
  }

  async #ask(call: (ticket: number) => void): Promise<PortEvent> {
    const ticket = ++this.#ticket;
    this.#asked.add(ticket);
    this.#isAsking = true;
    call(ticket);
    this.#isAsking = false;
    for (let passes = 0; !this.#answers.has(ticket); passes++) {
      assert(passes < PASSES_MAX, 'every question is answered');
      await this.#world.pass();
    }
    await this.#world.pass();
    return this.#answers.get(ticket) ?? assert.fail();
  }

  #take(event: PortEvent): void {
    assert(!this.#isAsking, 'an answer came from inside the call');
    assert('ticket' in event && this.#asked.has(event.ticket), 'only questions are answered');
    assert(!this.#answers.has(event.ticket), 'a question is answered once');
    this.#answers.set(event.ticket, event);
  }
}

/** Registers the suite. */
export function learnerContract(name: string, make: () => LearnerWorld): void {
  describe(`the learner contract: ${name}`, () => {
    let world: LearnerWorld;
    beforeEach(() => {
      world = make();
    });
    afterEach(() => world.close());

    it('answers each training once, later than the call, with a payload of the codec', async () => {
      const asker = await LearnerAsker.open(world);
      assert(asker.port.samples > 0);
      for (const generation of [1, 2]) {
        const { payload, steps, loss, state } = await asker.trained(generation);
        assert.equal(codec.check(payload, layout), undefined);
        assert(payload.length <= codec.payloadBytesMax(layout));
        assert(steps > 0 && Number.isFinite(loss) && state.length > 0);
        assert(valuesOf(payload).some((value) => value !== 0));
      }
    });

    it('evaluates a model with a finite loss and an accuracy between 0 and 1', async () => {
      const asker = await LearnerAsker.open(world);
      const event = await asker.evaluate();
      assert(event.kind === 'evaluated');
      assert(Number.isFinite(event.loss) && event.accuracy >= 0 && event.accuracy <= 1);
    });

    it('goes on from a restored state with the bytes of a learner that was never interrupted', async () => {
      const unbroken = await LearnerAsker.open(world);
      await unbroken.trained(1);
      const { state } = await unbroken.trained(2);
      const kept = state.slice();
      const restarted = await LearnerAsker.open(world);
      restarted.port.restore(kept);
      const [one, other] = [await unbroken.trained(3), await restarted.trained(3)];
      assert.deepEqual([...other.payload], [...one.payload]);
      assert.deepEqual([...other.state], [...one.state]);
      const fresh = await LearnerAsker.open(world);
      assert.notDeepEqual([...(await fresh.trained(3)).state], [...one.state], 'the state matters');
    });

    for (const sign of [1, -1] as const) {
      it(`owes ${sign === 1 ? 'a delta that it takes back' : 'a delta less that has its weight again'}`, async () => {
        const [plain, returned] = [await LearnerAsker.open(world), await LearnerAsker.open(world)];
        const { payload } = await plain.trained(1);
        await returned.trained(1);
        const without = await plain.trained(2);
        const having = await returned.trained(2, [{ payload, sign }]);
        const owed = valuesOf(payload);
        // What is sent and what is left for later, together.
        const [before, after] = [without, having].map((event) => {
          const left = world.residualOf(event.state);
          return valuesOf(event.payload).map((value, i) => value + left[i]);
        });
        for (const [i, value] of after.entries())
          assert(Math.abs(value - before[i] - sign * owed[i]) < 1e-5, `entry ${i}`);
        if (sign === 1) assert.notDeepEqual([...having.payload], [...without.payload]);
      });
    }

    it('of an observer stands for no samples and answers failed to a training', async () => {
      const asker = await LearnerAsker.open(world, true);
      assert.equal(asker.port.samples, 0);
      assert.equal((await asker.train(1)).kind, 'failed');
    });
  });
}

function valuesOf(payload: Uint8Array): Float64Array {
  const values = new Float64Array(layout.size);
  codec.addTo(values, payload, 1, layout);
  return values;
}
