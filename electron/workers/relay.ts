// Hands progress on to a listener that may be slow: while it is busy only the latest word is kept.
// Owns the latest word; the order of what is handed on is kept.
// A page's stream waits for the page; a worker must not wait for either.
import type { Progress } from "#shared/contract/values";

export function latestOnly(listener: (progress: Progress) => void | Promise<void>) {
  let next: Progress | null = null;
  let isBusy = false;

  async function pump(): Promise<void> {
    isBusy = true;
    while (next !== null) {
      const value = next;
      next = null;
      await listener(value);
    }
    isBusy = false;
  }

  return (progress: Progress): void => {
    next = progress;
    // A listener that fails has lost its reader; the call itself then ends by its own signal.
    if (!isBusy) pump().catch(() => {});
  };
}
