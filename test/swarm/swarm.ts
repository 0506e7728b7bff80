// Makes whole swarms for tests and says in one sentence what two members disagree about.
import assert from 'node:assert/strict';
import { hashOf } from '../../node/hash.ts';
import { identityFromSeed } from '../../node/identity.ts';
import { createSigner } from '../../node/signer.ts';
import { type Hash, type Manifest, meshIdOf, parseManifestConfig } from '../../protocols/index.ts';
import { type LinkOptions, Links } from './links.ts';
import { Member } from './member.ts';
import { World } from './world.ts';

export interface SwarmOptions {
  readonly seed: string;
  readonly peers: number;
  readonly links?: Partial<LinkOptions>;
  readonly config?: Record<string, unknown>;
  readonly generationsMax?: number;
  readonly samples?: (i: number) => number;
  readonly trainMs?: (i: number) => number;
}

export interface Swarm {
  readonly world: World;
  readonly links: Links;
  readonly members: readonly Member[];
  readonly manifest: Manifest;
  readonly meshId: Hash;
}

export async function createSwarm(options: SwarmOptions): Promise<Swarm> {
  const { manifest, problems } = parseManifestConfig({
    name: 'swarm',
    model: 'mlp:3',
    data: { inputs: 4, classes: 2 },
    codec: 'top20:8',
    ...options.config,
  });
  assert(manifest !== undefined, problems?.join('; '));
  const meshId = meshIdOf(manifest, hashOf);
  const world = new World(options.seed);
  const links = new Links(world, { latencyMinMs: 1, latencyMaxMs: 40, loss: 0, ...options.links });
  const members: Member[] = [];
  for (let i = 0; i < options.peers; i++) {
    const seed = new Uint8Array(32).fill(i + 1);
    const signer = createSigner(await identityFromSeed(seed));
    members.push(
      new Member({
        world,
        links,
        manifest,
        meshId,
        signer,
        samples: options.samples?.(i) ?? 100 + 10 * i,
        trainMs: options.trainMs?.(i) ?? 300,
        optimum: i - (options.peers - 1) / 2,
        generationsMax: options.generationsMax,
        waitForPeers: Math.min(options.peers - 1, 3),
      }),
    );
  }
  return { world, links, members, manifest, meshId };
}

/** Every living member has the same model at the same generation, and it is at least `generation`. */
export function agree(members: readonly Member[], generation: number): boolean {
  const living = members.filter((member) => member.machine !== undefined);
  return living.every(
    (member) =>
      member.generation >= generation && member.digest === living[0].digest && member.digest !== undefined,
  );
}

/** The invariant of the delta-set: members in step that hold equal sets at one generation hold equal bytes. */
export function assertEqualSetsGiveEqualDigests(members: readonly Member[]): void {
  const seen = new Map<string, { readonly digest: string; readonly id: string }>();
  for (const { id, machine } of members) {
    if (machine?.head === undefined || !machine.inStep || machine.set.floor > 0) continue;
    const { head, set } = machine;
    const held = Array.from({ length: set.top }, (_, i) => set.digest(i + 1)).join(' ');
    const key = `${head.generation} ${held}`;
    const other = seen.get(key);
    assert(
      other === undefined || other.digest === head.model,
      `${id} and ${other?.id} differ at ${head.generation}`,
    );
    seen.set(key, { digest: head.model, id });
  }
}

/** Runs a story and demands that it ends with one digest at or after a generation. */
export async function ends(
  options: SwarmOptions,
  generation: number,
  story: (swarm: Swarm) => void = () => {},
  untilMs = 120_000,
): Promise<Swarm> {
  const swarm = await createSwarm({ generationsMax: generation, ...options });
  for (const member of swarm.members) member.start();
  story(swarm);
  const agreed = swarm.world.runUntil(untilMs, () => agree(swarm.members, generation));
  const state = swarm.members.map((m) => `${m.machine?.phase} ${m.generation} ${m.digest?.slice(0, 8)}`);
  assert(
    agreed,
    `no agreement at generation ${generation}:\n${state.join('\n')}\n${swarm.world.trace.slice(-30).join('\n')}`,
  );
  return swarm;
}
