// The text of the scenario on screen: loaded by name, saved on demand, with a recovery copy while
// unsaved.
// A copy left over from an earlier session is shown, said to be unsaved, and can be thrown away.
import { CallError } from "#shared/contract/methods";
import { computed, type ComputedRef, onScopeDispose, type Ref, ref, watch } from "vue";
import { useClient } from "../../app/client.ts";
import { isCancelled, sentenceOf } from "../../app/requests.ts";
import { showToast } from "../../app/toasts.ts";

const COPY_MS = 2000;

export interface ScenarioText {
  readonly text: Ref<string>;
  readonly isLoading: Readonly<Ref<boolean>>;
  readonly failure: Readonly<Ref<string>>;
  readonly isDirty: ComputedRef<boolean>;
  readonly isBuiltIn: Readonly<Ref<boolean>>;
  readonly isRecovered: Readonly<Ref<boolean>>; // the text is a copy from an earlier session
  readonly copiedAt: Readonly<Ref<number>>; // when the recovery copy was written, 0: none
  save(): Promise<void>;
  discard(): Promise<void>; // back to the saved text
}

/**
 * `name()` "" means that no scenario is open. `start` is the text of one that is not in the
 * library.
 */
export function useScenario(name: () => string, start: string): ScenarioText {
  const client = useClient();
  const text = ref("");
  const saved = ref("");
  const isLoading = ref(false);
  const failure = ref("");
  const isBuiltIn = ref(false);
  const isRecovered = ref(false);
  const copiedAt = ref(0);
  const isDirty = computed(() => text.value !== saved.value);
  let loaded = "";
  let calls = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function load(wanted: string): Promise<void> {
    await leave();
    calls.abort();
    calls = new AbortController();
    const { signal } = calls;
    failure.value = "";
    copiedAt.value = 0;
    isLoading.value = wanted !== "";
    if (wanted === "") return show("", "", "");
    try {
      const found = await client.call("scenario.read", { name: wanted }, { signal });
      show(wanted, found.text, found.draft ?? found.text);
      isBuiltIn.value = found.isBuiltIn;
      isRecovered.value = found.draft !== null && found.draft !== found.text;
    } catch (error) {
      if (signal.aborted || isCancelled(error)) return;
      if (error instanceof CallError && error.code === "no-such-scenario") show(wanted, "", start);
      else failure.value = sentenceOf(error);
    } finally {
      if (!signal.aborted) isLoading.value = false;
    }
  }

  function show(name: string, savedText: string, shownText: string): void {
    loaded = name;
    saved.value = savedText;
    text.value = shownText;
    isBuiltIn.value = false;
    isRecovered.value = false;
  }

  const writeCopy = async (content: string): Promise<void> => {
    if (loaded === "") return;
    await client.call("scenario.draft", { name: loaded, text: content });
    copiedAt.value = content === "" ? 0 : Date.now();
  };

  async function leave(): Promise<void> {
    clearTimeout(timer);
    if (isDirty.value && loaded !== "" && text.value !== start)
      await told(() => writeCopy(text.value));
  }

  async function save(): Promise<void> {
    const [target, content] = [loaded, text.value];
    if (target === "") return;
    await told(async () => {
      await client.call("scenario.save", { name: target, text: content });
      await client.call("scenario.draft", { name: target, text: "" });
      saved.value = content;
      isBuiltIn.value = false;
      isRecovered.value = false;
      copiedAt.value = 0;
      showToast(`${target} saved.`);
    });
  }

  async function discard(): Promise<void> {
    text.value = saved.value;
    isRecovered.value = false;
    await told(() => writeCopy(""));
  }

  watch(name, (wanted) => void load(wanted), { immediate: true });
  watch(text, () => {
    clearTimeout(timer);
    if (isDirty.value && loaded !== "")
      timer = setTimeout(() => void told(() => writeCopy(text.value)), COPY_MS);
  });
  onScopeDispose(() => {
    void leave();
    calls.abort();
  });
  return { text, isLoading, failure, isDirty, isBuiltIn, isRecovered, copiedAt, save, discard };
}

async function told(what: () => Promise<void>): Promise<void> {
  try {
    await what();
  } catch (error) {
    if (!isCancelled(error)) showToast(sentenceOf(error), { kind: "error" });
  }
}
