// Memory that serves one state of a learner after the other: never two at a time, and none that somebody still reads.
import assert from 'node:assert/strict';
import { OWN_KEY } from '../../protocols/index.ts';
import { SimDisk } from '../../sim/disk.ts';
import { InternTable } from '../../sim/intern-table.ts';
import { giveBackMemory, StateMemory } from '../../sim/learners/state-memory.ts';

describe('the memory of learner states', () => {
  it('is used again when it has been given back, once', () => {
    const memory = new StateMemory(8);
    const first = memory.take();
    giveBackMemory(first.buffer);
    giveBackMemory(first.buffer);
    assert.equal(memory.take().buffer, first.buffer);
    assert.notEqual(memory.take().buffer, first.buffer);
  });

  it('stays as it is while a round reads it', () => {
    const memory = new StateMemory(8);
    const state = memory.take();
    memory.hold(state);
    memory.hold(state);
    giveBackMemory(state.buffer);
    memory.release(state);
    assert.notEqual(memory.take().buffer, state.buffer);
    memory.release(state);
    assert.equal(memory.take().buffer, state.buffer);
  });

  it('is given back by a disk when nothing there, nor anything that a crash would bring back, lies in it', () => {
    const dropped: ArrayBufferLike[] = [];
    const disk = new SimDisk({
      defer: () => {},
      values: new InternTable({ copies: false }),
      onDropped: (memory) => dropped.push(memory),
    });
    const port = disk.port(() => {});
    const states = [1, 2, 3].map((fill) => new Uint8Array(new SharedArrayBuffer(4)).fill(fill));
    const write = (index: number, sync: boolean): void => {
      const parts = [0, 2].map((at) => ({ key: `part/${at}`, value: states[index].subarray(at, at + 2) }));
      port.write([...parts, { key: OWN_KEY, value: new Uint8Array([index]) }], sync, 1);
    };
    write(0, true);
    write(1, false);
    assert.deepEqual(dropped, [], 'a crash would bring the first one back');
    disk.crash();
    assert.deepEqual([...(disk.entries.get('part/2') ?? [])], [1, 1]);
    assert.deepEqual(dropped, [states[1].buffer]);
    const reopened = disk.port(() => {});
    reopened.write(
      [
        { key: OWN_KEY, value: new Uint8Array([9]) },
        { key: 'part/0', value: states[2].subarray(0, 2) },
      ],
      true,
      1,
    );
    assert.deepEqual(dropped, [states[1].buffer], 'its other half is still there');
    reopened.write(
      [
        { key: OWN_KEY, value: new Uint8Array([9]) },
        { key: 'part/2', value: undefined },
      ],
      true,
      1,
    );
    assert.deepEqual(dropped, [states[1].buffer, states[0].buffer]);
  });
});
