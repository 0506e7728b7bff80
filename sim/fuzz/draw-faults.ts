// What goes wrong in a drawn world, and when. Every fault ends: whoever dies comes back, and every cut heals, so that the
// honest members have to agree in the end.
import type { Random } from '../../fusion/index.ts';
import type { Fault } from '../scenario.ts';
import { between, oneOf, wholeBetween } from './drawing.ts';

interface Stage {
  readonly peers: number;
  /** Faults begin in this time. */
  readonly spanMs: number;
  readonly hasAttackers: boolean;
}

const FAULTS_MAX = 6;
/** One world in so many has a disk that rots. */
const ROT_ONE_IN = 8;
/**
 * No payloads: where the only copy of one rots, its author holds a record that nobody else can have, and members differ
 * until it is sealed.
 */
const ROTTEN = ['record/', 'snapshot/', 'head', 'floor', 'own'] as const;

type Draw = (random: Random, stage: Stage) => Fault;

/** By name: a world draws how many, then which. */
const DRAWS: readonly Draw[] = [
  drawKill,
  drawKill,
  drawKill,
  drawCut,
  drawCut,
  drawChurn,
  drawOffline,
  drawJoin,
  drawFullDisk,
  drawCrash,
];

export function drawFaults(random: Random, stage: Stage): Fault[] {
  const count = random.below(FAULTS_MAX + 1);
  const faults = Array.from({ length: count }, (_, i) => {
    const own = random.fork(`fault ${i}`);
    return oneOf(own, DRAWS)(own, stage);
  });
  // Drawn beside the others, so that known seeds keep the faults that they had.
  const rot = random.fork('rot');
  if (rot.below(ROT_ONE_IN) === 0) faults.push(drawDamage(rot, stage));
  return withoutWalls(withoutClashes(faults), stage);
}

/**
 * A peer without room passes nothing on. One stays so for ever at most, and none beside attackers: two between the others
 * are a wall, behind which nobody can agree with anybody.
 */
function withoutWalls(faults: readonly Fault[], { hasAttackers, spanMs }: Stage): Fault[] {
  let mayStayFull = !hasAttackers;
  return faults.map((fault) => {
    if (fault.kind !== 'full-disk' || fault.untilMs !== undefined) return fault;
    if (!mayStayFull) return { ...fault, untilMs: Math.round(spanMs) };
    mayStayFull = false;
    return fault;
  });
}

/** A peer has one disk and is late once; more would say nothing new. */
function withoutClashes(faults: readonly Fault[]): Fault[] {
  const seen = new Set<string>();
  return faults.filter((fault) => {
    const key = sufferingPartOf(fault);
    if (key === undefined) return true;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function sufferingPartOf(fault: Fault): string | undefined {
  switch (fault.kind) {
    case 'join':
      return 'join';
    case 'full-disk':
    case 'crash-at-write':
    case 'damage':
      return `disk ${fault.peer}`;
    default:
      return undefined;
  }
}

function span(random: Random, { spanMs }: Stage): { readonly fromMs: number; readonly untilMs: number } {
  const fromMs = Math.round(random.float() * spanMs);
  return { fromMs, untilMs: fromMs + Math.round((0.05 + 0.6 * random.float()) * spanMs) };
}

function drawKill(random: Random, stage: Stage): Fault {
  const { fromMs, untilMs } = span(random, stage);
  const restartMs = random.below(2) === 0 ? fromMs + random.below(200) : untilMs;
  return { kind: 'kill', peer: random.below(stage.peers), atMs: fromMs, restartMs };
}

function drawCut(random: Random, stage: Stage): Fault {
  const sides = 2 + random.below(2);
  const groups: number[][] = Array.from({ length: sides }, () => []);
  for (let peer = 0; peer < stage.peers; peer++) groups[random.below(sides)].push(peer);
  const filled = groups.filter((group) => group.length > 0);
  // All on one side is no cut: the last peer is then alone.
  const [all] = filled;
  const halves = filled.length > 1 ? filled : [all.slice(0, -1), all.slice(-1)];
  return { kind: 'cut', ...span(random, stage), groups: halves };
}

function drawChurn(random: Random, stage: Stage): Fault {
  const leastMs = wholeBetween(random, [100, 1_000]);
  return { kind: 'churn', ...span(random, stage), everyMs: [leastMs, 3 * leastMs] };
}

function drawOffline(random: Random, stage: Stage): Fault {
  const leastMs = wholeBetween(random, [500, 4_000]);
  return {
    kind: 'offline',
    ...span(random, stage),
    share: between(random, [0.1, 0.5]),
    spellMs: [leastMs, 3 * leastMs],
  };
}

function drawJoin(random: Random, stage: Stage): Fault {
  // Two at least are there from the beginning.
  const from = wholeBetween(random, [2, stage.peers - 1]);
  return { kind: 'join', from, to: stage.peers - 1, atMs: span(random, stage).fromMs };
}

function drawFullDisk(random: Random, stage: Stage): Fault {
  const fault: Fault = {
    kind: 'full-disk',
    peer: random.below(stage.peers),
    bytes: wholeBetween(random, [2_000, 40_000]),
  };
  // Somebody makes room, or nobody ever does.
  return random.below(2) === 0 ? fault : { ...fault, untilMs: span(random, stage).untilMs };
}

function drawCrash(random: Random, stage: Stage): Fault {
  return {
    kind: 'crash-at-write',
    peer: random.below(stage.peers),
    write: wholeBetween(random, [1, 60]),
    restartMs: wholeBetween(random, [10, 3_000]),
  };
}

function drawDamage(random: Random, stage: Stage): Fault {
  const atMs = span(random, stage).fromMs;
  const restartMs = atMs + wholeBetween(random, [10, 3_000]);
  return {
    kind: 'damage',
    peer: random.below(stage.peers),
    prefix: oneOf(random, ROTTEN),
    atMs,
    restartMs,
  };
}
