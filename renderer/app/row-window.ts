// Rows of a long list by window: a view names the rows it shows, this fetches the blocks around
// them.
// Owns a bounded cache of blocks; a new question (filter, sort, run) empties it and drops late
// answers.
import { onScopeDispose, type Ref, ref, shallowRef, watch } from "vue";
import { isCancelled, sentenceOf } from "./requests.ts";

const BLOCK = 200; // rows fetched at a time
const BLOCKS_KEPT = 60;

export interface RowWindow<Row> {
  readonly total: Readonly<Ref<number>>; // rows that pass the question
  readonly isLoading: Readonly<Ref<boolean>>; // the first block of this question is on its way
  readonly failure: Readonly<Ref<string>>;
  readonly version: Readonly<Ref<number>>; // rises when rows arrive; read it to follow row()
  row(index: number): Row | null; // null: not here yet
  show(from: number, count: number): void; // what is on screen
  again(): void;
}

export function useRowWindow<Q, Row>(
  question: () => Q | null,
  fetchRows: (
    question: Q,
    from: number,
    count: number,
    signal: AbortSignal,
  ) => Promise<{ rows: readonly Row[]; total: number }>,
): RowWindow<Row> {
  const total = ref(0);
  const isLoading = ref(false);
  const failure = ref("");
  const version = shallowRef(0);
  const blocks = new Map<number, readonly Row[] | null>(); // null: asked for
  let calls = new AbortController();
  let shown = { from: 0, count: BLOCK };

  async function load(block: number): Promise<void> {
    const asked = question();
    if (asked === null || blocks.has(block)) return;
    blocks.set(block, null);
    const { signal } = calls;
    try {
      const answer = await fetchRows(asked, block * BLOCK, BLOCK, signal);
      if (signal.aborted) return;
      blocks.set(block, answer.rows);
      total.value = answer.total;
      failure.value = "";
    } catch (error) {
      if (signal.aborted) return;
      blocks.delete(block);
      if (!isCancelled(error)) failure.value = sentenceOf(error);
    }
    isLoading.value = false;
    version.value++;
  }

  function show(from: number, count: number): void {
    shown = { from, count };
    const first = Math.max(0, Math.floor(from / BLOCK));
    const last = Math.floor((from + Math.max(1, count) - 1) / BLOCK);
    for (let block = first; block <= last; block++) {
      if (block === 0 || block * BLOCK < total.value) void load(block);
    }
    forget(first, last);
  }

  // Oldest blocks go first; those on screen stay.
  function forget(first: number, last: number): void {
    for (const block of blocks.keys()) {
      if (blocks.size <= BLOCKS_KEPT) return;
      if (block < first || block > last) blocks.delete(block);
    }
  }

  function restart(): void {
    calls.abort();
    calls = new AbortController();
    blocks.clear();
    failure.value = "";
    const asked = question();
    isLoading.value = asked !== null;
    if (asked === null) total.value = 0;
    else {
      void load(0);
      show(shown.from, shown.count);
    }
    version.value++;
  }

  watch(() => JSON.stringify(question()), restart, { immediate: true });
  onScopeDispose(() => calls.abort());

  const row = (index: number): Row | null =>
    blocks.get(Math.floor(index / BLOCK))?.[index % BLOCK] ?? null;
  return { total, isLoading, failure, version, row, show, again: restart };
}
