#!/usr/bin/env python3
"""Makes test/vectors/{manifest,record,sync}.vectors.json from docs/protocol.md alone, without the project's code.

Run from the root of the project: python3 docs/vectors.py   (needs the package `cryptography` for Ed25519)
"""
import base64
import hashlib
import json
import math
import struct
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'


def sha256(data):
    return hashlib.sha256(data).digest()


def u32(value):
    return struct.pack('<I', value)


def u64(value):
    return struct.pack('<Q', value)


def varint(value):
    out = b''
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def prefixed(data):
    return varint(len(data)) + data


def round32(value):
    return struct.unpack('<f', struct.pack('<f', value))[0]


def floats(values):
    return struct.pack(f'<{len(values)}f', *values)


# Identity: the peer id is the public key behind an identity multihash, in base58.

class Author:
    def __init__(self, byte):
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([byte]) * 32)
        self.public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        data = bytes.fromhex('002408011220') + self.public
        number, text = int.from_bytes(data, 'big'), ''
        while number:
            number, digit = divmod(number, 58)
            text = BASE58[digit] + text
        self.peer = '1' * (len(data) - len(data.lstrip(b'\0'))) + text


# Random numbers: ChaCha8 as a counter, its key is the head of a hash.

def rotate(word, by):
    return (word << by | word >> (32 - by)) & 0xffffffff


def quarter(x, a, b, c, d):
    for first, second, third, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[first] = (x[first] + x[second]) & 0xffffffff
        x[third] = rotate(x[third] ^ x[first], by)


def chacha8(key, block):
    start = list(struct.unpack('<4I', b'expand 32-byte k')) + list(struct.unpack('<8I', key.ljust(32, b'\0')))
    start += [block & 0xffffffff, block >> 32, 0, 0]
    x = start[:]
    for _ in range(4):
        for i in range(4):
            quarter(x, i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return [(a + b) & 0xffffffff for a, b in zip(x, start)]


def words(seed, fork):
    key = sha256(b'meldmesh/random/' + seed.encode())[:10]
    key = sha256(key + b'meldmesh/random/fork/' + fork.encode())[:10]
    block = 0
    while True:
        yield from chacha8(key, block)
        block += 1


def initial_weights(model, seed):
    weights, inputs = [], model['inputs']
    for index, layer in enumerate(model['layers']):
        units = layer['units']
        limit = math.sqrt(6 / (inputs + units))
        stream = words(seed, f'dense_{index}/kernel')
        weights += [round32((2 * ((next(stream) >> 8) / 2**24) - 1) * limit) for _ in range(inputs * units)]
        weights += [0.0] * units
        inputs = units
    return weights


# Codec top<percent>:1: Rice-coded gaps and one sign bit an entry.

def top_payload(entries, scale):
    """`entries` is {index: sign}; the stream of bits goes lowest bit first."""
    indices = sorted(entries)
    gaps = [b - a - 1 for a, b in zip([-1] + indices, indices)]
    rice = min(range(31), key=lambda r: sum((gap >> r) + 1 + r for gap in gaps))
    bits = []
    for gap, index in zip(gaps, indices):
        bits += [1] * (gap >> rice) + [0] + [gap >> i & 1 for i in range(rice)] + [int(entries[index] < 0)]
    bits += [0] * (-len(bits) % 8)
    packed = bytes(sum(bit << i for i, bit in enumerate(bits[at:at + 8])) for at in range(0, len(bits), 8))
    return u32(len(indices)) + bytes([rice]) + floats([scale]) + packed


def blob_hash(data):
    chunks = [data[at:at + 262144] for at in range(0, len(data), 262144)]
    return sha256(b'meldmesh blob 1\n' + u64(len(data)) + b''.join(map(sha256, chunks)))


# The mesh.

MANIFEST = {
    'protocol': 1, 'name': 'example', 'salt': 'Grüße',
    'model': {'kind': 'dense', 'inputs': 4, 'loss': 'softmax-cross-entropy', 'layers': [
        {'units': 3, 'activation': 'relu'}, {'units': 2, 'activation': 'linear'}]},
    'data': {'inputs': 4, 'classes': 2, 'scale': 255},
    'training': {'optimiser': 'sgd-momentum', 'learningRate': 0.05, 'momentum': 0.9, 'batch': 32, 'localEpochs': 1},
    'aggregation': {'rule': 'mean', 'outerMomentum': 0.7, 'outerLearningRate': 0.5},
    'codec': 'top20:1',
    'pace': {'quorum': 0.5, 'contributorsMin': 2, 'patience': 3, 'patienceMinMs': 2000, 'patienceMaxMs': 600000},
    'history': {'correctionWindow': 3, 'horizon': 64},
    'limits': {'inlineBytes': 65536, 'payloadBytes': 67108864, 'samplesMax': 10000000, 'generationsAhead': 8,
               'contributorsMax': 256, 'storeBytes': 4294967296},
    'privacy': 'none',
}
CANONICAL = json.dumps(MANIFEST, sort_keys=True, separators=(',', ':'), ensure_ascii=False)
MESH = sha256(CANONICAL.encode())
SEED = f'meldmesh initial weights {MESH.hex()}'
WEIGHTS = initial_weights(MANIFEST['model'], SEED)
MU, ETA = MANIFEST['aggregation']['outerMomentum'], MANIFEST['aggregation']['outerLearningRate']


class Record:
    def __init__(self, author, state, samples, generation, entries, scale, votes=()):
        self.entries, self.scale, self.samples, self.generation = entries, scale, samples, generation
        self.payload = top_payload(entries, scale)
        self.fields = {
            'mesh': MESH.hex(), 'author': author.peer, 'generation': generation,
            'baseGeneration': generation - 1, 'base': state.hex(), 'samples': samples, 'codec': MANIFEST['codec'],
            'payload': blob_hash(self.payload).hex(), 'payloadBytes': len(self.payload),
            'votes': [vote.hex() for vote in votes],
        }
        self.header = (b'MMD1' + MESH + prefixed(author.peer.encode()) + u32(generation)
                       + u32(generation - 1) + state + u32(samples) + prefixed(MANIFEST['codec'].encode())
                       + blob_hash(self.payload) + u32(len(self.payload)) + varint(len(votes)) + b''.join(sorted(votes)))
        self.id = sha256(self.header)
        self.signature = author.key.sign(self.header)

    def gossip(self, inline=True):
        tail = b'\1' + self.payload if inline else b'\0'
        return b'\1' + prefixed(self.header) + self.signature + tail

    def vector(self):
        return {'fields': self.fields, 'header': self.header.hex(), 'id': self.id.hex(),
                'signature': self.signature.hex(), 'payload': self.payload.hex(),
                'gossip': self.gossip().hex(), 'gossipWithoutPayload': self.gossip(False).hex()}


def fuse(S, m, records):
    sums, total = [0.0] * len(S), 0
    for record in sorted(records, key=lambda record: record.id):
        for index, sign in record.entries.items():
            sums[index] += record.samples * (sign * record.scale)
        total += record.samples
    for i, value in enumerate(sums):
        a = round32(value / total)
        m[i] = round32(MU * m[i] + a)
        S[i] = round32(S[i] + ETA * (a + MU * m[i]))


def main():
    authors = [Author(1), Author(2)]
    S, m = WEIGHTS[:], [0.0] * len(WEIGHTS)
    states, generations = [sha256(floats(S) + floats(m))], []
    for generation in range(1, 5):
        votes = [record.id[:16] for record in generations[generation - 4]] if generation > 3 else []
        records = [
            Record(authors[0], states[-1], 800, generation, {0: 1, 3: -1, 9: 1, 17: -1, 22: 1}, round32(0.5 / generation), votes),
            Record(authors[1], states[-1], 600 + generation, generation, {1: -1, 3: -1, 4: 1, 12: 1, 17: 1}, 0.25, votes),
        ]
        generations.append(records)
        fuse(S, m, records)
        states.append(sha256(floats(S) + floats(m)))

    addresses = [f'/ip4/192.0.2.7/tcp/4001/p2p/{authors[0].peer}', '/dns4/mesh.example.org/tcp/443/wss']
    content = b'\1' + MESH + varint(len(addresses)) + b''.join(prefixed(text.encode()) for text in addresses)
    invitation = base64.urlsafe_b64encode(content + sha256(content)[:4]).rstrip(b'=').decode()
    write('manifest', {
        'canonical': CANONICAL, 'meshId': MESH.hex(), 'initialSeed': SEED, 'initialWeights': floats(WEIGHTS).hex(),
        'addresses': addresses, 'invitation': f'meldmesh1:{invitation}',
    })

    write('record', {
        'authors': [{'seed': (bytes([i + 1]) * 32).hex(), 'publicKey': author.public.hex(), 'peerId': author.peer}
                    for i, author in enumerate(authors)],
        'records': [record.vector() for records in generations for record in records],
        'states': [state.hex() for state in states],
        'ranks': [[sha256(f'{generation} {author.peer}'.encode()).hex() for author in authors]
                  for generation in range(1, 5)],
        'model': floats(S).hex(), 'momentum': floats(m).hex(), 'modelDigest': sha256(floats(S)).hex(),
    })

    ids = [sorted(record.id for record in records) for records in generations]
    digests = [sha256(''.join(id.hex() for id in of).encode())[:8] for of in ids]
    snapshot = floats(S) + floats(m)
    names = u32(4) + states[-1] + blob_hash(snapshot) + u64(5610)
    head = u32(4) + sha256(floats(S)) + states[-1] + u32(800) + u32(0)
    pairs = [id + u32(generation) for generation, of in enumerate(ids, 1) for id in of]
    deltas = [record.gossip() for record in sorted(generations[0], key=lambda record: record.id)]
    write('sync', {
        'digests': [digest.hex() for digest in digests],
        'hello': (b'\1' + head + b'\0' + u32(1) + varint(5) + b''.join(digests) + bytes(8)).hex(),
        'welcome': (b'\1' + head + b'\1' + names + varint(2) + b''.join(pairs[:2])).hex(),
        'want': (b'\2' + varint(2) + b''.join(pairs[:2])).hex(),
        'records': (b'\2' + b''.join(map(prefixed, deltas))).hex(),
        'snapshot': snapshot.hex(), 'snapshotBlob': blob_hash(snapshot).hex(),
        'listRequest': (b'\1' + blob_hash(snapshot)).hex(),
        'listResponse': (b'\0' + u64(len(snapshot)) + sha256(snapshot)).hex(),
        'chunkRequest': (b'\2' + sha256(snapshot)).hex(),
        'chunkResponse': (b'\0' + snapshot).hex(), 'missing': '01',
    })


def write(name, vectors):
    about = 'Made by docs/vectors.py, an implementation of its own in another language. Bytes are in hex.'
    with open(f'test/vectors/{name}.vectors.json', 'w', encoding='utf-8') as file:
        file.write(json.dumps({'about': about, **vectors}, indent=1, ensure_ascii=False) + '\n')


main()
