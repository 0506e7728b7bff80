// gossipsub as we need it: signed messages, our own message id, every message judged before it is forwarded.
// Knows bytes and verdicts only; what a record is, the protocol decides.
import { createHash } from 'node:crypto';
import type { GossipSub, GossipSubComponents, GossipsubOpts, Message } from '@libp2p/gossipsub';
import { gossipsub, TopicValidatorResult } from '@libp2p/gossipsub';
import type { PeerId as LibraryPeerId } from '@libp2p/interface';
import type { PeerId, Penalties, Verdict } from '../../protocols/index.ts';
import {
  GOSSIP_BYTES_MAX,
  GOSSIP_RPC_BYTES_MAX,
  GOSSIP_UNSENT_BYTES_MAX,
  HEARTBEAT_MS,
  IDONTWANT_BYTES_MIN,
  IWANT_PATIENCE_MS,
  MESH_DEGREE,
  MESH_DEGREE_HIGH,
  MESH_DEGREE_LAZY,
  MESH_DEGREE_LOW,
  MESH_DEGREE_OUTBOUND,
  MESH_DEGREE_SCORED,
} from './constants.ts';
import { crash, NetworkError } from './errors.ts';
import { peerText } from './names.ts';
import type { Refusals } from './refusals.ts';

export interface GossipTuning {
  readonly degree: number;
  readonly degreeLow: number;
  readonly degreeHigh: number;
  readonly degreeScored: number;
  readonly degreeOutbound: number;
  readonly degreeLazy: number;
  readonly heartbeatMs: number;
  readonly idontwantBytesMin: number;
}

export const defaultGossipTuning: GossipTuning = {
  degree: MESH_DEGREE,
  degreeLow: MESH_DEGREE_LOW,
  degreeHigh: MESH_DEGREE_HIGH,
  degreeScored: MESH_DEGREE_SCORED,
  degreeOutbound: MESH_DEGREE_OUTBOUND,
  degreeLazy: MESH_DEGREE_LAZY,
  heartbeatMs: HEARTBEAT_MS,
  idontwantBytesMin: IDONTWANT_BYTES_MIN,
};

export interface GossipOptions {
  readonly topic: string;
  readonly penalties: Penalties;
  readonly tuning?: Partial<GossipTuning>;
}

/**
 * The libp2p service. Scores follow the gossipsub v1.1 specification (Vyzovitis et al., 2020), P1 to P7; the
 * topic is quiet, so P3 (a delivery quota) is off, and rejects (P4) weigh more than good conduct can earn.
 */
export function createGossip(options: GossipOptions): (components: GossipSubComponents) => GossipSub {
  const tuning = { ...defaultGossipTuning, ...options.tuning };
  return gossipsub({
    globalSignaturePolicy: 'StrictSign',
    msgIdFn: (message) => messageId(message.topic, message.data),
    // The same id before the signature check: a second copy then costs one hash.
    fastMsgIdFn: (message) =>
      messageId(message.topic ?? '', message.data ?? new Uint8Array()).toString('base64'),
    msgIdToStrFn: (id) => Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('base64'),
    allowedTopics: [options.topic],
    D: tuning.degree,
    Dlo: tuning.degreeLow,
    Dhi: tuning.degreeHigh,
    Dscore: tuning.degreeScored,
    Dout: tuning.degreeOutbound,
    Dlazy: tuning.degreeLazy,
    heartbeatInterval: tuning.heartbeatMs,
    idontwantMinDataSize: tuning.idontwantBytesMin,
    fallbackToFloodsub: false,
    floodPublish: false,
    batchPublish: true,
    doPX: false,
    emitSelf: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    gossipsubIWantFollowupMs: IWANT_PATIENCE_MS,
    // More would only be pruned again at the next heartbeat.
    opportunisticGraftPeers: 1,
    maxInboundDataLength: GOSSIP_RPC_BYTES_MAX,
    maxOutboundBufferSize: GOSSIP_UNSENT_BYTES_MAX,
    maxTopicBytesPerPeer: 8 * 1024,
    ...scoring(options),
  });
}

function scoring(options: GossipOptions): Pick<GossipsubOpts, 'scoreParams' | 'scoreThresholds'> {
  return {
    scoreParams: {
      topics: {
        [options.topic]: {
          topicWeight: 1,
          timeInMeshWeight: 0.02,
          timeInMeshQuantum: 1_000,
          timeInMeshCap: 100,
          firstMessageDeliveriesWeight: 0.5,
          firstMessageDeliveriesDecay: 0.97,
          firstMessageDeliveriesCap: 10,
          meshMessageDeliveriesWeight: 0,
          meshMessageDeliveriesDecay: 0.5,
          meshMessageDeliveriesCap: 1,
          meshMessageDeliveriesThreshold: 1,
          meshMessageDeliveriesWindow: 10,
          meshMessageDeliveriesActivation: 5_000,
          meshFailurePenaltyWeight: 0,
          meshFailurePenaltyDecay: 0.5,
          invalidMessageDeliveriesWeight: -10,
          invalidMessageDeliveriesDecay: 0.95,
        },
      },
      topicScoreCap: 7,
      appSpecificScore: (peer) => options.penalties.score(peer),
      appSpecificWeight: 1,
      // Many members behind one address are a laboratory or a test, not an attack.
      IPColocationFactorWeight: 0,
      // Broken promises of a busy peer are forgiven up to six.
      behaviourPenaltyWeight: -1,
      behaviourPenaltyThreshold: 6,
      behaviourPenaltyDecay: 0.9,
      retainScore: 10 * 60_000,
    },
    scoreThresholds: {
      gossipThreshold: -20,
      publishThreshold: -50,
      graylistThreshold: -80,
      acceptPXThreshold: 100,
      // The default, 20, is above the cap of our scores: it would add a link to every mesh each minute.
      opportunisticGraftThreshold: 0.1,
    },
  };
}

/** First 20 bytes of SHA-256 over topic and data: the same content is the same message, whoever sends it. */
function messageId(topic: string, data: Uint8Array): Buffer {
  return createHash('sha256').update(topic).update(data).digest().subarray(0, 20);
}

/** What gossipsub's class can tell beyond its published interface. */
export interface GossipInsight {
  /** Score by gossipsub's rules, our own penalties included. */
  score(peer: string): number;
  meshPeers(): readonly string[];
}

export interface MeshGossipOptions {
  readonly gossip: GossipSub;
  readonly topic: string;
  readonly refusals: Refusals;
  /** Judges a message of a neighbour; it is forwarded only when accepted. */
  receive(from: PeerId, bytes: Uint8Array): Verdict;
  /** A neighbour forwarded what a correct one would have rejected. */
  rejected(from: PeerId, reason: string): void;
}

/** One topic of one mesh. */
export class MeshGossip implements GossipInsight {
  readonly #options: MeshGossipOptions;

  constructor(options: MeshGossipOptions) {
    this.#options = options;
  }

  /** Once gossipsub has started. */
  start(): void {
    const { gossip, topic } = this.#options;
    gossip.topicValidators.set(topic, (from, message) => this.#judge(from, message));
    gossip.subscribe(topic);
  }

  /**
   * @throws NetworkError MELDMESH_GOSSIP_TOO_LARGE above `GOSSIP_BYTES_MAX`: gossipsub would lose such a
   * message silently, and above 4 MiB break with the neighbours that it was sent to.
   */
  publish(bytes: Uint8Array): void {
    const { gossip, topic, refusals } = this.#options;
    if (bytes.length > GOSSIP_BYTES_MAX) {
      throw new NetworkError(
        'MELDMESH_GOSSIP_TOO_LARGE',
        `A gossip message of ${bytes.length} bytes is over the limit of ${GOSSIP_BYTES_MAX}; send its hash and let others pull it.`,
      );
    }
    gossip.publish(topic, bytes).catch(() => refusals.count('publish-failed'));
  }

  score(peer: string): number {
    const { gossip } = this.#options;
    return 'getScore' in gossip && typeof gossip.getScore === 'function' ? Number(gossip.getScore(peer)) : 0;
  }

  meshPeers(): readonly string[] {
    const { gossip, topic } = this.#options;
    if (!('getMeshPeers' in gossip) || typeof gossip.getMeshPeers !== 'function') return [];
    const peers: readonly string[] = gossip.getMeshPeers(topic);
    return [...peers].sort();
  }

  #judge(source: LibraryPeerId, message: Message): TopicValidatorResult {
    const { refusals } = this.#options;
    const from = peerText(source);
    if (message.data.length > GOSSIP_BYTES_MAX) {
      refusals.count('gossip-too-large');
      this.#options.rejected(from, 'gossip-too-large');
      return TopicValidatorResult.Reject;
    }
    const verdict = this.#verdictOf(from, message.data);
    if (verdict.act === 'accept') return TopicValidatorResult.Accept;
    refusals.count(verdict.reason);
    if (verdict.act === 'ignore') return TopicValidatorResult.Ignore;
    this.#options.rejected(from, verdict.reason);
    return TopicValidatorResult.Reject;
  }

  /** gossipsub takes a throwing validator for "ignore"; ours throws only by our own mistake. */
  #verdictOf(from: PeerId, bytes: Uint8Array): Verdict {
    try {
      return this.#options.receive(from, bytes);
    } catch (error) {
      crash(error);
      return { act: 'ignore', reason: 'own-mistake' };
    }
  }
}
