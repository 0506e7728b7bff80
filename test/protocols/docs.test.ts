// The examples of docs/protocol.md are the published vectors, and its numbers those of the code.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import * as network from '../../node/network/constants.ts';
import { networkNames } from '../../node/network/names.ts';
import * as deltaSet from '../../protocols/delta-set/constants.ts';
import { WELCOME_RECORDS_MAX } from '../../protocols/delta-set/messages.ts';
import { INCIDENTS_MAX, manifestSchema, REFUSAL_MS } from '../../protocols/index.ts';
import * as transfer from '../../protocols/transfer/constants.ts';
import { manifestVectors, recordVectors, syncVectors } from './published.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/protocol.md');
const count = (value: number): string => value.toLocaleString('en-US');

function says(...texts: readonly string[]): void {
  // Line breaks in sentences are nobody's business.
  const flowing = page.replace(/\s+/g, ' ');
  for (const text of texts) assert(flowing.includes(text), `docs/protocol.md does not hold: ${text}`);
}

describe('docs/protocol.md', () => {
  it('shows the manifest, its id, its invitation and its initial weights', () => {
    says(manifestVectors.canonical, manifestVectors.meshId, manifestVectors.invitation);
    says(manifestVectors.initialWeights, manifestVectors.addresses[1]);
  });

  it('shows a key, a record and its message', () => {
    const [author] = recordVectors.authors;
    says(author.seed, author.publicKey, author.peerId);
    const shown = recordVectors.records.find(
      ({ fields }) => fields.generation === 4 && fields.author === author.peerId,
    );
    assert(shown !== undefined);
    says(shown.header, shown.id, shown.signature, shown.gossip, recordVectors.records[0].payload);
  });

  it('shows the digests of states and sets, and the ranks of one generation', () => {
    says(...recordVectors.states, ...syncVectors.digests, ...recordVectors.ranks[3]);
  });

  it('shows a hello, a welcome, a want and a request for a list', () => {
    says(syncVectors.hello, syncVectors.welcome, syncVectors.want);
    says(syncVectors.snapshotBlob, syncVectors.listRequest);
  });

  it('shows no other long bytes than those of the vectors', () => {
    const known = JSON.stringify([manifestVectors, recordVectors, syncVectors]);
    for (const [hex] of page.matchAll(/\b[0-9a-f]{16,}\b/g)) assert(known.includes(hex), `stale: ${hex}`);
  });

  it('names every key of the manifest', () => {
    const { members: _members, ...groups } = manifestSchema.shape;
    for (const [key, schema] of Object.entries(groups)) {
      const inner = 'shape' in schema ? Object.keys(schema.shape) : [];
      if (inner.length === 0) says(`\`${key}\``);
      for (const name of inner)
        assert(new RegExp(`\`(${key}\\.)?${name}(\`|\\[)`).test(page), `${key}.${name}`);
    }
    says('`members`');
  });

  it('names the topic and the stream protocols', () => {
    const id = '0123456789abcdef'.repeat(4);
    const { topic, calls, peers, service } = networkNames(id);
    const named = [topic, calls.sync, calls.blob, peers].map((name) =>
      name.replace(id, '<id>').replace(id.slice(0, 16), '<16>'),
    );
    says(...named, service.replace(id.slice(0, 8), '<8>'));
  });

  it('states the limits of the code', () => {
    assert.equal(network.GOSSIP_BYTES_MAX, deltaSet.GOSSIP_BYTES_MAX);
    says(
      `${count(deltaSet.GOSSIP_BYTES_MAX)} bytes`,
      `record header | ${count(deltaSet.RECORD_BYTES_MAX)} bytes`,
      `records of an author in a generation | ${deltaSet.RECORDS_PER_AUTHOR_MAX} |`,
      `records under way | ${deltaSet.PENDING_MAX} |`,
      `records in a want or an answer | ${deltaSet.WANTED_MAX}, ${count(deltaSet.SYNC_BYTES_MAX)} bytes`,
      `authors in a generation | \`contributorsMax\` |`,
      `ids in a welcome | ${count(WELCOME_RECORDS_MAX)} |`,
      `a sync answer | ${deltaSet.SYNC_DEADLINE_MS / 1000} s`,
      `a list, a chunk | ${transfer.LIST_DEADLINE_MS / 1000} s, ${transfer.CHUNK_DEADLINE_MS / 1000} s`,
      `fetches of blobs | ${count(transfer.FETCHES_MAX)} |`,
      `chunks of ${count(transfer.CHUNK_BYTES)} bytes`,
      `frame | ${count(network.FRAME_BYTES_MAX)} bytes`,
      `connections | ${network.CONNECTIONS_MAX} |`,
      `addresses known | ${network.KNOWN_PEERS_MAX} peers, ${network.ADDRESSES_PER_PEER_MAX} each`,
      `incidents of one peer | ${INCIDENTS_MAX} (`,
      `refused for ${REFUSAL_MS / 60_000} minutes`,
      `requests of one peer being served | ${network.SERVED_PER_PEER_MAX} |`,
      `begins ${deltaSet.SYNC_DEPTH} generations below its head`,
      `Every ${deltaSet.SNAPSHOT_STEP} · ⌊\`horizon\` / ${deltaSet.SNAPSHOTS_IN_HORIZON * deltaSet.SNAPSHOT_STEP}⌋ generations, once they are ${deltaSet.SNAPSHOT_AGE_MIN} old`,
      `Degree ${network.MESH_DEGREE} (${network.MESH_DEGREE_LOW} to ${network.MESH_DEGREE_HIGH})`,
      `at most ${count(network.EXCHANGE_BYTES_MAX)} bytes: addresses of up to ${network.EXCHANGE_PEERS_MAX} other`,
    );
    assert.equal(transfer.BLOB_BYTES_MAX, 2 ** 30 + 2 ** 20);
    for (const [call, { perSecond, burst }] of Object.entries(network.SERVE_RATE)) {
      says(`${call} requests of one peer | ${perSecond} a second, ${burst} at once`);
    }
  });

  it('lists every reason for which a record is refused at the door', () => {
    const door = ['intake', 'inspection'].map((part) => read(`protocols/delta-set/${part}.ts`)).join('\n');
    for (const [, act, reason] of door.matchAll(/\b(reject|ignore)\('([a-z-]+)'\)/g)) {
      says(`| ${act} | \`${reason}\` |`);
    }
  });
});

describe('docs/trace.md', () => {
  const legend = read('docs/trace.md');
  const sources = ['protocols', 'node']
    .flatMap((room) =>
      readdirSync(new URL(room, root), { recursive: true, encoding: 'utf8' }).map(
        (path) => `${room}/${path}`,
      ),
    )
    .filter((path) => path.endsWith('.ts'))
    .map(read)
    .join('\n');
  const found = (pattern: RegExp, text: string): readonly string[] =>
    [...new Set(Array.from(text.matchAll(pattern), ([, name]) => name))].sort();

  it('explains every kind of event in the journal, and no other', () => {
    const written = found(/(?:journal\.event\(|#shun\(holder,)\s*'([a-z-]+)'/g, sources);
    assert(written.length > 10, written.join());
    assert.deepEqual(found(/^\| `([a-z-]+)` \|/gm, legend), written);
  });

  it('explains every notice, and no other', () => {
    const written = found(/notice\(\s*'([A-Z_]+)'/g, sources);
    assert(written.length > 10, written.join());
    assert.deepEqual(found(/^\| `([A-Z_]+)` \|/gm, legend), written);
  });
});
