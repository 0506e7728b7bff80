// The matrix product of matching through the kernels that training uses, in a memory that grows with the largest call. Sums are
// float32. It knows nothing of models.
import type { MatrixProduct } from '../fusion/index.ts';
import { type Arena, ArenaPlan } from './kernels/arena.ts';
import { ACTIVATIONS, PANEL_FLOATS } from './kernels/module.ts';

/** A product that keeps its own memory for the next call. */
export function kernelProduct(): MatrixProduct {
  let arena: Arena | undefined;
  let [leftAt, rightAt, outAt, panelsAt] = [0, 0, 0, 0];
  let room = { left: 0, right: 0, out: 0, depth: 0 };
  return ({ left, right, rows, columns, depth, into }) => {
    const needed = { left: rows * depth, right: columns * depth, out: rows * columns, depth };
    const isTight = Object.entries(needed).some(([name, floats]) => floats > room[name as keyof typeof room]);
    if (arena === undefined || isTight) {
      room = {
        left: Math.max(room.left, needed.left),
        right: Math.max(room.right, needed.right),
        out: Math.max(room.out, needed.out),
        depth: Math.max(room.depth, needed.depth),
      };
      const plan = new ArenaPlan();
      [leftAt, rightAt, outAt] = [plan.add(4 * room.left), plan.add(4 * room.right), plan.add(4 * room.out)];
      panelsAt = plan.add(4 * PANEL_FLOATS * room.depth);
      arena = plan.build();
    }
    const memory = new Float32Array(arena.buffer);
    memory.set(left.subarray(0, needed.left), leftAt / 4);
    memory.set(right.subarray(0, needed.right), rightAt / 4);
    arena.kernels.matmul(leftAt, rightAt, 0, outAt, panelsAt, rows, columns, depth, 0, 1, ACTIVATIONS.linear);
    const sums = memory.subarray(outAt / 4, outAt / 4 + needed.out);
    for (let at = 0; at < sums.length; at++) into[at] += sums[at];
  };
}
