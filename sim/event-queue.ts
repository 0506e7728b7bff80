// What will happen, by time and, within one time, by the order in which it was asked for. What is to happen at once, as
// half of all events are, waits in a line of its own; the rest in a binary heap, whose keys lie side by side, for a
// thousand peers have so many events ahead of them that looking at each one's object costs more than all else.

export interface QueuedEvent {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void | Promise<void>;
}

export class EventQueue {
  /** Ascending by time and order: events that came in that order anyway. */
  #line: QueuedEvent[] = [];
  #lineHead = 0;
  #times = new Float64Array(1_024);
  #orders = new Float64Array(1_024);
  readonly #runs: QueuedEvent['run'][] = [];
  #order = 0;
  /** Time of the event that came out last. */
  #nowMs = 0;

  get size(): number {
    return this.#runs.length + this.#line.length - this.#lineHead;
  }

  /** Infinity when there is none. */
  get nextAtMs(): number {
    if (this.#isLineFirst()) return this.#line[this.#lineHead].atMs;
    return this.#runs.length === 0 ? Number.POSITIVE_INFINITY : this.#times[0];
  }

  /** Not before the time of the event that came out last. */
  push(atMs: number, run: QueuedEvent['run']): void {
    const order = this.#order++;
    if (atMs === this.#nowMs) this.#line.push({ atMs, order, run });
    else this.#rise(this.#runs.push(run) - 1, { atMs, order, run });
  }

  /** The first one; there must be one. */
  pop(): QueuedEvent {
    const event = this.#isLineFirst() ? this.#shift() : this.#popHeap();
    this.#nowMs = event.atMs;
    return event;
  }

  #isLineFirst(): boolean {
    const first = this.#line[this.#lineHead];
    if (first === undefined) return false;
    if (this.#runs.length === 0 || first.atMs < this.#times[0]) return true;
    return first.atMs === this.#times[0] && first.order < this.#orders[0];
  }

  #shift(): QueuedEvent {
    const event = this.#line[this.#lineHead++];
    if (this.#lineHead === this.#line.length) {
      this.#line = [];
      this.#lineHead = 0;
    }
    return event;
  }

  /** Puts an event where there is a hole, or above it. */
  #rise(hole: number, { atMs, order, run }: QueuedEvent): void {
    if (this.#runs.length > this.#times.length) this.#grow();
    const [times, orders, runs] = [this.#times, this.#orders, this.#runs];
    let i = hole;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (times[parent] < atMs || (times[parent] === atMs && orders[parent] < order)) break;
      times[i] = times[parent];
      orders[i] = orders[parent];
      runs[i] = runs[parent];
      i = parent;
    }
    times[i] = atMs;
    orders[i] = order;
    runs[i] = run;
  }

  #popHeap(): QueuedEvent {
    const [times, orders, runs] = [this.#times, this.#orders, this.#runs];
    const top = { atMs: times[0], order: orders[0], run: runs[0] };
    const last = runs.length - 1;
    const moved = { atMs: times[last], order: orders[last], run: runs[last] };
    runs.pop();
    if (last === 0) return top;
    // The hole goes down to the bottom on the side of the earlier child, and the last one rises from there.
    let i = 0;
    for (let child = 1; child < last; child = 2 * i + 1) {
      const other = child + 1;
      const isOther =
        other < last &&
        (times[other] < times[child] || (times[other] === times[child] && orders[other] < orders[child]));
      const first = isOther ? other : child;
      times[i] = times[first];
      orders[i] = orders[first];
      runs[i] = runs[first];
      i = first;
    }
    this.#rise(i, moved);
    return top;
  }

  #grow(): void {
    const [times, orders] = [this.#times, this.#orders];
    this.#times = new Float64Array(2 * times.length);
    this.#orders = new Float64Array(2 * times.length);
    this.#times.set(times);
    this.#orders.set(orders);
  }
}
