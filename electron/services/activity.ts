// What the workers of several pools do now, and who is told when it changes.
// Owns the listeners; the pools tell it of each change.
// Promises: a listener is called after a change, never in it; many changes at once are told once.
import type { Pool } from "../workers/pool.ts";
import type { Activity } from "./context.ts";

export class PoolActivity implements Activity {
  readonly #pools: Pool[] = [];
  readonly #listeners = new Set<() => void>();
  #isTold = true;

  add(pool: Pool): void {
    this.#pools.push(pool);
  }

  counts(): { busy: number; idle: number; waiting: number } {
    const sum = { busy: 0, idle: 0, waiting: 0 };
    for (const pool of this.#pools) {
      const { busy, idle, waiting } = pool.counts();
      sum.busy += busy;
      sum.idle += idle;
      sum.waiting += waiting;
    }
    return sum;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something changed in a pool. */
  changed(): void {
    if (!this.#isTold) return;
    this.#isTold = false;
    queueMicrotask(() => {
      this.#isTold = true;
      for (const listener of this.#listeners) listener();
    });
  }
}
