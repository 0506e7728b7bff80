// The WebAssembly under the robust means: where it comes from, that it sorts, and that it adds in float64.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { compileKernels } from '../../../fusion/robust/kernels/c/build.js';
import { columnArenaFor, ROW_STRIDE } from '../../../fusion/robust/kernels/column-arena.ts';
import { wasmBase64 } from '../../../fusion/robust/kernels/wasm-bytes.ts';
import { sortingNetwork } from '../../../fusion/robust/sorting-network.ts';

const root = new URL('../../../', import.meta.url);

/** A file that is there when these sources, flags, compiler and bytes have been found equal already. */
function proofFile(): URL {
  const sources = new URL('fusion/robust/kernels/c/', root);
  const hash = createHash('sha256').update(wasmBase64);
  for (const name of readdirSync(sources).sort()) {
    hash.update(name).update(readFileSync(new URL(name, sources)));
  }
  hash.update(readFileSync(new URL('node_modules/@yowasp/clang/package.json', root)));
  return new URL(`node_modules/.cache/meldmesh/columns-${hash.digest('hex')}`, root);
}

describe('the kernels of the robust means', () => {
  it('are what their sources compile to, byte for byte', async function () {
    this.timeout(120_000);
    const proof = proofFile();
    if (existsSync(proof)) return;
    const bytes = await compileKernels();
    const hint = 'run `npm run build:kernels`';
    assert.equal(Buffer.from(bytes).toString('base64'), wasmBase64, hint);
    mkdirSync(new URL('./', proof), { recursive: true });
    writeFileSync(proof, '');
  });

  it('use no instruction whose result the processor decides', () => {
    // Relaxed SIMD has the opcodes 0xfd 0x100 and above, which are written 0xfd 0x8x 0x02.
    const code = Buffer.from(wasmBase64, 'base64');
    for (let at = 0; at + 2 < code.length; at++) {
      assert(!(code[at] === 0xfd && code[at + 1] >= 0x80 && code[at + 2] === 2), `byte ${at}`);
    }
  });

  it('sort whatever is compared by the network, with the owners beside', () => {
    const value = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, 1, -1, 2 ** 127),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 70 }), (column) => {
        const arena = columnArenaFor(column.length);
        const put = () => {
          for (const [row, each] of column.entries()) {
            arena.made[row * ROW_STRIDE] = each;
            arena.owners[row * ROW_STRIDE] = row;
          }
        };
        const read = (from: Float32Array | Int32Array) => column.map((_, row) => from[row * ROW_STRIDE]);
        const expected = [...column.entries()].sort(([i, a], [j, b]) => a - b || i - j);
        put();
        arena.sort(sortingNetwork(column.length), 4);
        // Which of two zeros comes first has no meaning.
        assert.deepEqual(
          read(arena.made).map((each) => each + 0),
          expected.map(([, each]) => each + 0),
        );
        put();
        arena.sortOwned(sortingNetwork(column.length), 4);
        assert.deepEqual(
          read(arena.owners),
          expected.map(([row]) => row),
        );
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it('sort by a network that sorts all zeros and ones, and so everything', () => {
    for (let count = 1; count <= 12; count++) {
      const network = sortingNetwork(count);
      for (let bits = 0; bits < 1 << count; bits++) {
        let column = bits;
        for (let step = 0; step < network.length; step += 2) {
          const [upper, lower] = [network[step], network[step + 1]];
          // A one above a zero changes places with it.
          if ((column >> upper) & 1 && !((column >> lower) & 1)) column ^= (1 << upper) | (1 << lower);
        }
        const ones = column.toString(2).replaceAll('0', '').length;
        assert.equal(column, ((1 << ones) - 1) << (count - ones), `${count} rows, ${bits.toString(2)}`);
      }
    }
  });

  it('tell what is not finite, in whole groups of four', () => {
    const arena = columnArenaFor(3);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      arena.rows.fill(3.4e38);
      assert(arena.areFinite({ loaded: 3 }, 8));
      arena.rows[ROW_STRIDE + 6] = bad;
      assert(!arena.areFinite({ loaded: 3 }, 8));
      assert(arena.areFinite({ loaded: 1 }, 8) && arena.areFinite({ loaded: 3 }, 4));
    }
  });
});
