// What every form of the Network port must do. The world that is handed in opens members that know one another
// and lets time pass; the suite itself neither sleeps nor knows whether that time is real.
import assert from 'node:assert/strict';
import type { Call, Network, PeerId, PortEvent, Verdict } from '../../protocols/index.ts';

export interface NetworkMember {
  readonly port: Network;
  /** All events delivered so far. */
  readonly events: readonly PortEvent[];
  readonly heard: readonly { readonly from: PeerId; readonly bytes: Uint8Array }[];
  /** What the member answers from now on; default: accept everything, echo every request. */
  judge(receive: (bytes: Uint8Array) => Verdict): void;
  answer(
    serve: (call: Call, bytes: Uint8Array, respond: (bytes: Uint8Array | undefined) => void) => void,
  ): void;
  /** Gone without a word. */
  kill(): Promise<void>;
}

export interface NetworkWorld {
  /** Members of one mesh, none of them refusing another; connected once `until` says so. */
  open(count: number): Promise<readonly NetworkMember[]>;
  /** Lets time pass until this holds; rejects with the text when it does not hold in reasonable time. */
  until(condition: () => boolean, text: string): Promise<void>;
  /** Lets this much time pass. */
  pass(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

const absent = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N' as PeerId;

export function networkContract(name: string, createWorld: () => NetworkWorld): void {
  describe(`the Network port, ${name}`, () => {
    let world: NetworkWorld;
    beforeEach(() => {
      world = createWorld();
    });
    afterEach(() => world.close());

    async function connected(count: number): Promise<readonly NetworkMember[]> {
      const members = await world.open(count);
      await world.until(
        () => members.every(({ port }) => port.peers().length === count - 1),
        'all are connected',
      );
      return members;
    }

    membership(connected, () => world);
    publishing(connected, () => world);
    answering(connected, () => world);
    failing(connected, () => world);
  });
}

type Connected = (count: number) => Promise<readonly NetworkMember[]>;
type GetWorld = () => NetworkWorld;

function responses(member: NetworkMember, ticket: number): readonly (PortEvent & { kind: 'response' })[] {
  return member.events
    .filter((event) => event.kind === 'response')
    .filter((event) => event.ticket === ticket);
}

/** The one answer to a ticket, after some time more in which no second one may come. */
async function answerTo(
  world: NetworkWorld,
  member: NetworkMember,
  ticket: number,
): Promise<Uint8Array | undefined> {
  await world.until(() => responses(member, ticket).length > 0, `ticket ${ticket} is answered`);
  await world.pass(50);
  assert.equal(responses(member, ticket).length, 1, 'exactly one response');
  return responses(member, ticket)[0].bytes;
}

function membership(connected: Connected, world: GetWorld): void {
  it('lists the other members in ascending order and never itself', async () => {
    const members = await connected(3);
    for (const { port } of members) {
      const others = members.map((member) => member.port.self).filter((peer) => peer !== port.self);
      assert.deepEqual(port.peers(), others.sort());
    }
  });

  it('tells of everybody that joins and of one that is killed', async () => {
    const [first, second, third] = await connected(3);
    const joined = first.events.flatMap((event) => (event.kind === 'peers' ? event.joined : []));
    assert.deepEqual([...joined].sort(), first.port.peers());
    const gone = second.port.self;
    await second.kill();
    await world().until(
      () => [first, third].every(({ port }) => !port.peers().includes(gone)),
      'the dead one is missed',
    );
    const left = first.events.flatMap((event) => (event.kind === 'peers' ? event.left : []));
    assert.ok(left.includes(gone));
  });
}

function publishing(connected: Connected, world: GetWorld): void {
  it('brings a message to every other member once, and not back to its author', async () => {
    const members = await connected(4);
    const bytes = Uint8Array.from({ length: 3000 }, (_, index) => index % 251);
    members[0].port.publish(bytes);
    await world().until(() => members.slice(1).every(({ heard }) => heard.length > 0), 'all have heard it');
    await world().pass(200);
    assert.deepEqual(
      members.map(({ heard }) => heard.length),
      [0, 1, 1, 1],
    );
    for (const { heard } of members.slice(1)) assert.deepEqual(Uint8Array.from(heard[0].bytes), bytes);
  });

  it('delivers the same bytes once, even if published by two members', async () => {
    const members = await connected(3);
    const bytes = new Uint8Array(100).fill(7);
    members[0].port.publish(bytes);
    await world().until(
      () => members.slice(1).every(({ heard }) => heard.length === 1),
      'both have heard it',
    );
    members[1].port.publish(bytes);
    await world().pass(200);
    assert.deepEqual(
      members.map(({ heard }) => heard.length),
      [0, 1, 1],
    );
  });

  it('refuses to publish more than the limit, as our own mistake', async () => {
    const [only] = await world().open(1);
    assert.throws(() => only.port.publish(new Uint8Array(320 * 1024 + 1)));
  });
}

function answering(connected: Connected, world: GetWorld): void {
  it('answers a request with the bytes that the other side gave, later than the call', async () => {
    const [asker, other] = await connected(2);
    other.answer((call, bytes, respond) => respond(Uint8Array.of(call === 'sync' ? 1 : 2, ...bytes)));
    asker.port.request(other.port.self, 'sync', Uint8Array.of(5), 2000, 1);
    asker.port.request(other.port.self, 'blob', Uint8Array.of(6), 2000, 2);
    assert.deepEqual(
      [...responses(asker, 1), ...responses(asker, 2)],
      [],
      'nothing comes from inside the call',
    );
    assert.deepEqual(await answerTo(world(), asker, 1), Uint8Array.of(1, 5));
    assert.deepEqual(await answerTo(world(), asker, 2), Uint8Array.of(2, 6));
    assert.equal(responses(asker, 1)[0].from, other.port.self);
  });

  it('tells an empty answer from a refusal', async () => {
    const [asker, other] = await connected(2);
    other.answer((call, _bytes, respond) => respond(call === 'sync' ? new Uint8Array() : undefined));
    asker.port.request(other.port.self, 'sync', new Uint8Array(), 2000, 1);
    asker.port.request(other.port.self, 'blob', new Uint8Array(), 2000, 2);
    assert.deepEqual(await answerTo(world(), asker, 1), new Uint8Array());
    assert.equal(await answerTo(world(), asker, 2), undefined);
  });

  it('carries a chunk of 256 KiB and its header both ways', async () => {
    const [asker, other] = await connected(2);
    const bytes = Uint8Array.from({ length: 262_144 + 200 }, (_, index) => (index * 7) % 256);
    asker.port.request(other.port.self, 'blob', bytes, 5000, 1);
    assert.deepEqual(await answerTo(world(), asker, 1), bytes);
  });

  it('answers each of many requests at once by its own ticket', async () => {
    const [asker, other] = await connected(2);
    const tickets = Array.from({ length: 30 }, (_, index) => index + 1);
    for (const ticket of tickets)
      asker.port.request(other.port.self, 'blob', Uint8Array.of(ticket), 5000, ticket);
    await world().until(
      () => tickets.every((ticket) => responses(asker, ticket).length > 0),
      'all are answered',
    );
    for (const ticket of tickets) {
      assert.deepEqual(
        responses(asker, ticket).map((event) => event.bytes),
        [Uint8Array.of(ticket)],
      );
    }
  });

  it('lets the other side answer later, and only once', async () => {
    const [asker, other] = await connected(2);
    const held: ((bytes: Uint8Array | undefined) => void)[] = [];
    other.answer((_call, _bytes, respond) => held.push(respond));
    asker.port.request(other.port.self, 'sync', new Uint8Array(), 5000, 1);
    await world().until(() => held.length === 1, 'the request has arrived');
    held[0](Uint8Array.of(1));
    held[0](Uint8Array.of(2));
    assert.deepEqual(await answerTo(world(), asker, 1), Uint8Array.of(1));
  });
}

function failing(connected: Connected, world: GetWorld): void {
  it('answers with nothing at the deadline when the other side says nothing', async () => {
    const [asker, other] = await connected(2);
    other.answer(() => {});
    asker.port.request(other.port.self, 'sync', new Uint8Array(), 200, 1);
    assert.equal(await answerTo(world(), asker, 1), undefined);
  });

  it('answers with nothing for a peer that is not connected', async () => {
    const [asker] = await world().open(1);
    asker.port.request(absent, 'sync', new Uint8Array(), 1000, 1);
    assert.deepEqual(responses(asker, 1), [], 'nothing comes from inside the call');
    assert.equal(await answerTo(world(), asker, 1), undefined);
  });

  it('answers with nothing when the other side dies over the question', async () => {
    const [asker, other] = await connected(2);
    let asked = false;
    other.answer(() => {
      asked = true;
    });
    asker.port.request(other.port.self, 'blob', new Uint8Array(), 1500, 1);
    await world().until(() => asked, 'the request has arrived');
    await other.kill();
    assert.equal(await answerTo(world(), asker, 1), undefined);
  });

  it('cuts off a peer that is penalised again and again, but not for one incident', async () => {
    const [judge, culprit] = await connected(2);
    for (let times = 0; times < 10; times++) judge.port.penalise(culprit.port.self, 'one incident');
    await world().pass(100);
    assert.deepEqual(judge.port.peers(), [culprit.port.self]);
    for (let incident = 0; incident < 3; incident++)
      judge.port.penalise(culprit.port.self, `incident ${incident}`);
    await world().until(() => judge.port.peers().length === 0, 'the culprit is disconnected');
  });
}
