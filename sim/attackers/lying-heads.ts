// Says in every exchange that it stands somewhere else: far ahead, or at the beginning, with states that nobody has.
import {
  decodeSyncRequest,
  decodeWelcome,
  encodeSyncRequest,
  encodeWelcome,
  type Hash,
  type Head,
} from '../../protocols/index.ts';
import { bentNetwork } from '../network/bent-network.ts';
import type { AttackContext, AttackerKind } from './attacker.ts';

const FAR = 4_000_000_000;
const SAMPLES = 4_294_967_295;
const NO_STATE = '5'.repeat(64) as Hash;

export const lyingHeads: AttackerKind = {
  name: 'lying-heads',
  about:
    'names in hellos and welcomes a generation far ahead or none, a floor, copies that do not exist and four billion samples. Withstood: heads are words, and each counts once',
  ports: (ports, context) => {
    const { network } = ports;
    return {
      ...ports,
      network: bentNetwork(network, {
        request: (to, call, bytes, deadlineMs, ticket) => {
          const hello = call === 'sync' ? decodeSyncRequest(bytes) : undefined;
          const said =
            hello?.kind === 'hello' ? encodeSyncRequest({ ...hello, head: lie(hello.head, context) }) : bytes;
          network.request(to, call, said, deadlineMs, ticket);
        },
      }),
    };
  },
  endpoint: (endpoint, context) => ({
    id: endpoint.id,
    receive: (from, bytes) => endpoint.receive(from, bytes),
    handle: (event) => endpoint.handle(event),
    serve: (from, call, bytes, respond) =>
      endpoint.serve(from, call, bytes, (response) => {
        const welcome = call === 'sync' && response !== undefined ? decodeWelcome(response) : undefined;
        respond(
          welcome === undefined ? response : encodeWelcome({ ...welcome, head: lie(welcome.head, context) }),
        );
      }),
  }),
};

function lie(head: Head, { random, fromGeneration }: AttackContext): Head {
  if (head.generation < fromGeneration) return head;
  const generation = random.below(2) === 0 ? FAR : 0;
  const floor = Math.max(0, generation - 100);
  const snapshots = [{ generation: floor, state: NO_STATE, blob: NO_STATE, weight: 1e15 }];
  return { generation, model: NO_STATE, state: NO_STATE, samples: SAMPLES, floor, snapshots };
}
