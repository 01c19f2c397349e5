// Asking the host from a view: the latest question wins, older ones are stopped and their answers
// dropped.
// Promises: what was shown stays until the new answer is there (nothing flickers); leaving a view
// stops its calls.
import { CallError } from "#shared/contract/methods";
import { onScopeDispose, type Ref, ref, shallowRef, watch } from "vue";

export interface Request<T> {
  readonly value: Readonly<Ref<T | null>>; // the last answer, kept while the next one is on its way
  readonly isLoading: Readonly<Ref<boolean>>;
  readonly failure: Readonly<Ref<string>>; // "" or what happened, where, what to do
  again(): void;
}

/** Asks whenever `question()` changes; null asks nothing and empties the value. */
export function useRequest<Q, T>(
  question: () => Q | null,
  ask: (question: Q, signal: AbortSignal) => Promise<T>,
): Request<T> {
  const value = shallowRef<T | null>(null);
  const isLoading = ref(false);
  const failure = ref("");
  let running: AbortController | null = null;

  async function start(asked: Q | null): Promise<void> {
    running?.abort();
    running = null;
    failure.value = "";
    isLoading.value = asked !== null;
    if (asked === null) {
      value.value = null;
      return;
    }
    const mine = new AbortController();
    running = mine;
    try {
      const answer = await ask(asked, mine.signal);
      if (running === mine) value.value = answer;
    } catch (error) {
      if (running === mine) failure.value = sentenceOf(error);
    } finally {
      if (running === mine) isLoading.value = false;
    }
  }

  // Questions are compared by content, so that a getter may build a fresh object each time.
  watch(
    () => JSON.stringify(question()),
    () => void start(question()),
    { immediate: true },
  );
  onScopeDispose(() => {
    running?.abort();
    running = null;
  });
  return { value, isLoading, failure, again: () => void start(question()) };
}

export const isCancelled = (error: unknown): boolean =>
  error instanceof CallError && error.code === "cancelled";

/** A thrown thing as a sentence for people. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Error && error.message !== "") return error.message;
  return "The request failed without a message. Try again, or restart Faultline.";
}
