// The page's side of parsing: the latest text wins, 150 ms after typing stops; the last answer
// stays meanwhile.
// Owns the worker; it ends with the calling component.
import type { Diagnostic } from "#shared/scenario/diagnostics";
import type { Outline } from "#shared/scenario/outline";
import type { Plan } from "#shared/scenario/plan";
import { onScopeDispose, type Ref, shallowRef, watch } from "vue";

export interface Parsed {
  readonly text: string; // what was parsed
  readonly draft: Plan | null; // what was understood, errors or not
  readonly diagnostics: readonly Diagnostic[];
  readonly outline: Outline | null;
  readonly isValid: boolean; // it can be run
}
export interface ParseRequest {
  readonly id: number;
  readonly text: string;
}
export interface ParseAnswer {
  readonly id: number;
  readonly parsed: Parsed;
}

const DELAY_MS = 150;

export function useParser(text: Ref<string>): Readonly<Ref<Parsed | null>> {
  const parsed = shallowRef<Parsed | null>(null);
  const worker = new Worker(new URL("./parse.worker.ts", import.meta.url), { type: "module" });
  let lastId = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  worker.onmessage = (event: MessageEvent<ParseAnswer>) => {
    if (event.data.id === lastId) parsed.value = event.data.parsed;
  };
  function ask(): void {
    const request: ParseRequest = { id: ++lastId, text: text.value };
    worker.postMessage(request);
  }
  watch(
    text,
    (now, before) => {
      clearTimeout(timer);
      // The first text of a scenario is parsed at once; typing waits.
      timer = setTimeout(ask, before === "" || now === "" ? 0 : DELAY_MS);
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    clearTimeout(timer);
    worker.terminate();
  });
  return parsed;
}
