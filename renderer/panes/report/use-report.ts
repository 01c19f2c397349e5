// The report on screen: its runs, sections, title and note, and the two forms the host makes of
// them.
// Runs and sections are in the address; title and note are typed here and part of the document.
import type { Output } from "#shared/contract/methods";
import type { RunSummary } from "#shared/contract/runs";
import type { Progress } from "#shared/contract/values";
import { computed, onScopeDispose, ref, shallowRef, watch } from "vue";
import { copyText, saveFile } from "../../app/clipboard.ts";
import { useClient } from "../../app/client.ts";
import { useNavigation } from "../../app/navigation.ts";
import { sentenceOf, useRequest } from "../../app/requests.ts";
import { showToast } from "../../app/toasts.ts";
import { bytes } from "../../widgets/format.ts";
import { readSections, type Section, toggleSection } from "./sections.ts";

type Report = Output<"report.make">;

const TYPING_MS = 400;
const TITLE_MAX = 200;
const NOTE_MAX = 20_000;

export function useReport() {
  const client = useClient();
  const navigation = useNavigation();
  const params = shallowRef(navigation.current.params);
  watch(
    () => navigation.current,
    (now) => {
      if (now.screen === "report") params.value = now.params;
    },
  );

  const asked = computed(() => ["a", "b", "c", "d"].flatMap((key) => params.value[key] ?? []));
  const runs = useRequest<string[], RunSummary[]>(
    () => (asked.value.length === 0 ? null : asked.value),
    (ids, signal) => Promise.all(ids.map((id) => client.call("runs.get", { id }, { signal }))),
  );
  const rows = computed(() => runs.value.value ?? []);
  const sections = computed(() => readSections(params.value["without"], asked.value.length));

  const title = ref("");
  const note = ref("");
  watch(rows, (now) => {
    if (title.value === "") title.value = (now[0]?.title ?? "").slice(0, TITLE_MAX);
  });
  const typed = usePaused(() => ({ title: title.value, note: note.value }), TYPING_MS);

  const form = ref<"html" | "text">("html");
  const progress = shallowRef<Progress | null>(null);
  const input = (as: "html" | "text") => ({
    runs: rows.value.map((run) => run.id),
    sections: [...sections.value],
    title: typed.value.title.slice(0, TITLE_MAX),
    note: typed.value.note.slice(0, NOTE_MAX),
    form: as,
  });
  const report = useRequest<ReturnType<typeof input>, Report>(
    () => (rows.value.length === 0 ? null : input(form.value)),
    (question, signal) =>
      client.call("report.make", question, {
        signal,
        onItem: (item) => void (progress.value = item),
      }),
  );

  async function made(as: "html" | "text"): Promise<Report | null> {
    if (report.value.value !== null && form.value === as && !report.isLoading.value) {
      return report.value.value;
    }
    try {
      return await client.call("report.make", input(as));
    } catch (error) {
      showToast(sentenceOf(error), { kind: "error" });
      return null;
    }
  }
  async function save(): Promise<void> {
    const file = await made("html");
    if (file === null) return;
    saveFile(file.name, file.content, "text/html");
    showToast(`${file.name} saved, ${bytes(file.bytes)}.`);
  }
  async function copy(): Promise<void> {
    const file = await made("text");
    if (file !== null) await copyText(file.content, "72-column text");
  }
  const toggle = (section: Section) =>
    navigation.patch(
      { without: toggleSection(sections.value, section, asked.value.length) },
      { remember: false },
    );

  return { asked, runs, rows, sections, title, note, form, progress, report, save, copy, toggle };
}

/** The value of a getter after it has been still for a while. */
function usePaused<T>(read: () => T, ms: number) {
  const value = shallowRef(read());
  let timer: ReturnType<typeof setTimeout> | undefined;
  watch(read, (now) => {
    clearTimeout(timer);
    timer = setTimeout(() => (value.value = now), ms);
  });
  onScopeDispose(() => clearTimeout(timer));
  return value;
}
