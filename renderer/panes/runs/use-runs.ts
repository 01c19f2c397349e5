// The list of runs as the screen needs it: rows by window, the selected one, marks, and what can
// be done.
// Filter and order are in the address; deleting asks nothing and can be undone from the message.
import type { RunSummary } from "#shared/contract/runs";
import { computed, type ComputedRef, type Ref, ref, shallowRef, type ShallowRef } from "vue";
import { address } from "../../app/address.ts";
import { useClient } from "../../app/client.ts";
import { saveFile } from "../../app/clipboard.ts";
import { useNavigation } from "../../app/navigation.ts";
import { sentenceOf } from "../../app/requests.ts";
import { type RowWindow, useRowWindow } from "../../app/row-window.ts";
import { showToast } from "../../app/toasts.ts";
import { plural, shortId } from "../../widgets/format.ts";
import { dropMarks, type Marks, NO_MARKS, subject, toggleMark } from "./marks.ts";

export interface RunList {
  readonly rows: RowWindow<RunSummary>;
  readonly selected: Ref<number>;
  readonly current: ComputedRef<RunSummary | null>;
  readonly marks: ShallowRef<Marks>;
  readonly library: Readonly<Ref<{ all: number; bytes: number; name: string }>>;
  readonly q: ComputedRef<string>;
  readonly sort: ComputedRef<string>;
  setFilter(text: string): void;
  setSort(text: string): void;
  open(run: RunSummary | null): void;
  toggle(run: RunSummary | null): void;
  remove(): Promise<void>;
  label(run: RunSummary | null, change: { pinned?: boolean; tags?: string[] }): Promise<void>;
  exportProfile(form: "folded" | "speedscope" | "chrome"): Promise<void>;
  compare(): void;
  report(): void;
}

export function useRuns(): RunList {
  const client = useClient();
  const navigation = useNavigation();
  const selected = ref(0);
  const marks = shallowRef<Marks>(NO_MARKS);
  const library = ref({ all: 0, bytes: 0, name: "" });

  // The screen is leaving when the address is another screen's: its question then stays as it was.
  const param = (key: string, otherwise: string) => {
    let kept = otherwise;
    return computed(() => {
      const { screen, params } = navigation.current;
      if (screen === "runs") kept = params[key] ?? otherwise;
      return kept;
    });
  };
  const q = param("q", "");
  const sort = param("sort", "-when");

  const rows = useRowWindow(
    () => ({ q: q.value, sort: sort.value }),
    async (question, from, count, signal) => {
      const answer = await client.call("runs.list", { ...question, from, count }, { signal });
      library.value = {
        all: answer.all,
        bytes: answer.libraryBytes,
        name: answer.libraryName,
      };
      selected.value = Math.max(0, Math.min(selected.value, answer.total - 1));
      return answer;
    },
  );
  const current = computed<RunSummary | null>(() =>
    rows.version.value >= 0 ? rows.row(selected.value) : null,
  );
  const chosen = () => subject(marks.value, current.value?.id ?? null);

  return {
    rows,
    selected,
    current,
    marks,
    library,
    q,
    sort,
    setFilter: (text) => navigation.patch({ q: text }, { remember: false }),
    setSort: (text) =>
      navigation.patch({ sort: text === "-when" ? null : text }, { remember: false }),
    open: (run) => {
      if (run !== null) navigation.go(address("run", run.id));
    },
    toggle: (run) => {
      if (run !== null) marks.value = toggleMark(marks.value, run.id);
    },
    remove: () =>
      told(async () => {
        const ids = [...chosen()];
        if (ids.length === 0) return;
        const { refused } = await client.call("runs.delete", { ids });
        const gone = ids.filter((id) => !refused.includes(id));
        marks.value = dropMarks(marks.value, gone);
        rows.again();
        tellDeleted(gone.length, refused.length, () =>
          told(async () => {
            await client.call("runs.restore", { ids: gone });
            rows.again();
          }),
        );
      }),
    label: (run, change) =>
      told(async () => {
        if (run === null) return;
        await client.call("runs.label", { id: run.id, ...change });
        rows.again();
      }),
    exportProfile: (form) =>
      told(async () => {
        const run = current.value;
        if (run === null) return;
        const { name, text } = await client.call("profile.export", { id: run.id, by: "est", form });
        saveFile(name, text, form === "folded" ? "text/plain" : "application/json");
        showToast(`Profile of run ${shortId(run.id)} saved as ${name}.`);
      }),
    compare: () => navigation.go(address("compare", "", pairParams(marks.value))),
    report: () => navigation.go(address("report", "", pairParams(chosen()))),
  };
}

function pairParams(ids: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    ["a", "b", "c", "d"].flatMap((key, i) => (ids[i] ? [[key, ids[i]]] : [])),
  );
}

function tellDeleted(gone: number, refused: number, undo: () => void): void {
  if (refused > 0) showToast(`${plural(refused, "pinned run")} kept. Unpin to delete.`);
  if (gone === 0) return;
  showToast(`${plural(gone, "run")} deleted.`, { action: { title: "Undo", run: undo } });
}

async function told(what: () => Promise<void>): Promise<void> {
  try {
    await what();
  } catch (error) {
    showToast(sentenceOf(error), { kind: "error" });
  }
}
