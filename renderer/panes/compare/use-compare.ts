// What the comparison shows: the two runs, the verdict, aligned rows by window, folds, and the
// chosen row.
// Runs and row are in the address (a, b, at); ids may be prefixes, as people type them.
import type { AlignedRow } from "#shared/contract/compare";
import type { Output } from "#shared/contract/methods";
import type { Progress } from "#shared/contract/values";
import { computed, type Ref, ref, shallowRef, watch } from "vue";
import { address } from "../../app/address.ts";
import { useClient } from "../../app/client.ts";
import { useNavigation } from "../../app/navigation.ts";
import { useRequest } from "../../app/requests.ts";
import { useRowWindow } from "../../app/row-window.ts";
import { foldRows, nextDifference, placeOfRow, unfoldedRows, viewRow } from "./folds.ts";

export type Comparison = Output<"compare.runs">;

/** Rows that fit on a screen: shorter comparisons start unfolded. */
const FOLDS_ABOVE = 60;

export function useCompare() {
  const navigation = useNavigation();
  const params = shallowRef(navigation.current.params);
  watch(
    () => navigation.current,
    (now) => {
      if (now.screen === "compare") params.value = now.params;
    },
  );
  const sources = useComparison(params);
  const { client, a, pair, comparison, rows } = sources;

  const selected = ref(-1); // aligned row
  const isFolding = ref(false);
  const opened = shallowRef<ReadonlySet<number>>(new Set());
  const folded = computed(() => {
    const found = comparison.value.value;
    if (found === null) return unfoldedRows(0);
    return isFolding.value
      ? foldRows(found.rows, found.differences, opened.value)
      : unfoldedRows(found.rows);
  });
  watch(comparison.value, (found) => {
    if (found === null) return;
    opened.value = new Set();
    isFolding.value = found.rows > FOLDS_ABOVE;
    void placeFromAddress(found);
  });

  /** The row of `at=14:13`; else the event that decides A's verdict; else the first difference. */
  async function placeFromAddress(found: Comparison): Promise<void> {
    const match = /^(\d+|-):(\d+|-)$/.exec(params.value["at"] ?? "");
    const deciding = a.value.value?.decidingEvent ?? 0;
    selected.value = found.firstDifference;
    if (pair.value === null || (match === null && (deciding === 0 || found.firstDifference < 0))) {
      return;
    }
    const [eventA, eventB] = match === null ? [deciding, Number.NaN] : match.slice(1).map(Number);
    if (eventA === undefined || eventB === undefined) return;
    // The row lies at or after the larger number, and within the rows that only one run has.
    const from = Math.max(0, Math.max(eventA || 0, eventB || 0) - 1);
    const answer = await client.call("compare.rows", { ...pair.value, from, count: 2000 });
    const row = answer.rows.find(
      (one) => (one.a?.n ?? Number.NaN) === eventA || (one.b?.n ?? Number.NaN) === eventB,
    );
    if (row !== undefined) selected.value = row.index;
  }

  const rowAt = (index: number): AlignedRow | null =>
    rows.version.value >= 0 ? rows.row(index) : null;
  const current = computed(() => (selected.value < 0 ? null : rowAt(selected.value)));

  // The address names event numbers, which are known when the row is here.
  let isAddressBehind = false;
  function select(index: number): void {
    selected.value = index;
    isAddressBehind = true;
    writeAddress(current.value);
  }
  function writeAddress(row: AlignedRow | null): void {
    if (row === null || !isAddressBehind) return;
    isAddressBehind = false;
    navigation.patch({ at: `${row.a?.n ?? "-"}:${row.b?.n ?? "-"}` }, { remember: false });
  }
  watch(current, writeAddress);
  /** Puts the cursor on a folded stretch, without choosing a row. */
  const restOn = (from: number) => void (selected.value = from);
  function step(by: 1 | -1): void {
    const next = nextDifference(comparison.value.value?.differences ?? [], selected.value, by);
    if (next === null) return;
    select(next);
    rows.show(Math.max(0, next - 20), 40);
  }
  const unfold = (from: number) => void (opened.value = new Set([...opened.value, from]));

  const swap = () =>
    navigation.patch({ a: params.value["b"] ?? null, b: params.value["a"] ?? null, at: null });
  const choose = (ids: readonly string[]) =>
    navigation.go(address("compare", "", { a: ids[0] ?? "", b: ids[1] ?? "" }));
  function openRun(side: "a" | "b"): void {
    const id = pair.value?.[side];
    const event = current.value?.[side]?.n;
    if (id !== undefined) {
      navigation.go(address("run", id, event === undefined ? {} : { event: String(event) }));
    }
  }

  return {
    ...sources,
    params,
    folded,
    isFolding,
    selected,
    current,
    rowAt,
    select,
    step,
    unfold,
    restOn,
    swap,
    choose,
    openRun,
    viewAt: (at: number) => viewRow(folded.value, at),
    selectedView: computed(() =>
      selected.value < 0 ? -1 : placeOfRow(folded.value, selected.value),
    ),
  };
}

/** The two runs of the address, their comparison, and its rows by window. */
function useComparison(params: Readonly<Ref<Readonly<Record<string, string>>>>) {
  const client = useClient();
  const progress = shallowRef<Progress | null>(null);
  const detail = (key: "a" | "b") =>
    useRequest(
      () => (params.value[key] === undefined ? null : { id: params.value[key] }),
      (asked, signal) => client.call("runs.get", asked, { signal }),
    );
  const [a, b] = [detail("a"), detail("b")];
  const pair = computed(() => {
    const [first, second] = [a.value.value, b.value.value];
    return first === null || second === null ? null : { a: first.id, b: second.id };
  });
  const onItem = (item: Progress) => void (progress.value = item);
  const comparison = useRequest(
    () => pair.value,
    (asked, signal) => client.call("compare.runs", asked, { signal, onItem }),
  );
  const rows = useRowWindow<{ a: string; b: string }, AlignedRow>(
    () => (comparison.value.value === null ? null : pair.value),
    (asked, from, count, signal) =>
      client.call("compare.rows", { ...asked, from, count }, { signal }),
  );
  return { client, a, b, pair, comparison, progress, rows };
}

export type Compare = ReturnType<typeof useCompare>;
