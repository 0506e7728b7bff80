// What one fetch has asked of whom and has no answer to yet. An answer that takes long is given up as little as it is
// waited for: the same is asked of somebody else, and the first answer is taken.
import type { Hash } from '../ports.ts';
import type { Holder } from './rules.ts';

export interface Question {
  readonly want: Hash;
  readonly holder: Holder;
  /** From then on it is overdue. */
  readonly dueMs: number;
  isOverdue: boolean;
}

export class Questions {
  readonly #open = new Set<Question>();

  get size(): number {
    return this.#open.size;
  }

  /** Those that are not overdue. */
  get timely(): number {
    let count = 0;
    for (const { isOverdue } of this.#open) if (!isOverdue) count += 1;
    return count;
  }

  /** When the next one will be overdue; Infinity where none can be. */
  get nextDueMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { isOverdue, dueMs } of this.#open) if (!isOverdue) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }

  open(want: Hash, holder: Holder, dueMs: number): Question {
    const question = { want, holder, dueMs, isOverdue: false };
    this.#open.add(question);
    return question;
  }

  close(question: Question): void {
    this.#open.delete(question);
  }

  /** What has become overdue by now. */
  nowOverdue(nowMs: number): readonly Hash[] {
    const late = [...this.#open].filter(({ isOverdue, dueMs }) => !isOverdue && dueMs <= nowMs);
    for (const question of late) question.isOverdue = true;
    return late.map(({ want }) => want);
  }

  isAsked(holder: Holder, want: Hash): boolean {
    return this.#some(want, (question) => question.holder === holder);
  }

  /** Somebody may still answer in time. */
  isTimely(want: Hash): boolean {
    return this.#some(want, ({ isOverdue }) => !isOverdue);
  }

  #some(want: Hash, test: (question: Question) => boolean): boolean {
    for (const question of this.#open) if (question.want === want && test(question)) return true;
    return false;
  }
}
