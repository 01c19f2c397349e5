// Scenarios: those that come with the program, the library's own, and recovery copies of unsaved
// text. A saved one hides the built-in one of its name; deleting it shows the built-in one again.
// Promises: reading comes from the library or the files, writing goes through the one writer.
import { CallError } from "#shared/contract/methods";
import type { Handlers } from "#shared/contract/server";
import type { ScenarioRow } from "#shared/contract/scenario";
import { parseScenario } from "#shared/scenario/parse";
import { readBuiltins } from "./builtin-scenarios.ts";
import type { Services } from "./context.ts";

type Scenarios = Pick<
  Handlers,
  "scenario.list" | "scenario.read" | "scenario.save" | "scenario.delete" | "scenario.draft"
>;

/** Beyond this a list row takes its title from the name: lists must not wait for the parser. */
const MAX_HEAD = 64 * 1024;

interface Head {
  readonly title: string;
  readonly about: string;
  readonly tags: string[];
}

const missing = (name: string): CallError =>
  new CallError("no-such-scenario", `There is no scenario "${name}". Choose one of the list.`);

export function scenarioHandlers({ reader, store, fixturesDir }: Services): Scenarios {
  let builtins: ReadonlyMap<string, string> | null = null;
  const heads = new Map<string, { text: string; head: Head }>();

  const builtin = (): ReadonlyMap<string, string> => (builtins ??= readBuiltins(fixturesDir));

  function headOf(name: string, text: string): Head {
    const known = heads.get(name);
    if (known?.text === text) return known.head;
    const head = readHead(name, text);
    heads.set(name, { text, head });
    return head;
  }

  function row(name: string, text: string, savedAt: number, hasDraft: boolean): ScenarioRow {
    return {
      name,
      ...headOf(name, text),
      isBuiltIn: savedAt === 0 && builtin().has(name),
      savedAt,
      hasDraft,
    };
  }

  return {
    "scenario.list": async () => {
      const drafts = new Map(reader.drafts.readAll().map((draft) => [draft.name, draft.text]));
      const texts = new Map([...drafts].map(([name, text]) => [name, { text, savedAt: 0 }]));
      for (const [name, text] of builtin()) texts.set(name, { text, savedAt: 0 });
      for (const { name, text, savedAt } of reader.scenarios.readAll())
        texts.set(name, { text, savedAt });
      const names = [...texts].toSorted(([a], [b]) => (a < b ? -1 : 1));
      const rows = names.map(([name, { text, savedAt }]) =>
        row(name, text, savedAt, drafts.has(name)),
      );
      return { rows };
    },
    "scenario.read": async ({ name }) => {
      const saved = reader.scenarios.read(name);
      const own = builtin().get(name);
      const draft = reader.drafts.read(name)?.text ?? null;
      if (saved === null && own === undefined && draft === null) throw missing(name);
      const isBuiltIn = saved === null && own !== undefined;
      return { name, text: saved?.text ?? own ?? "", isBuiltIn, draft };
    },
    "scenario.save": async ({ name, text }) => {
      const { savedAt } = await store.call("saveScenario", { name, text });
      return row(name, text, savedAt, false);
    },
    "scenario.delete": async ({ name }) => {
      const saved = reader.scenarios.read(name);
      if (saved === null) {
        if (!builtin().has(name)) throw missing(name);
        throw new CallError("built-in", `"${name}" comes with the program and cannot be deleted.`);
      }
      await store.call("deleteScenario", { name });
      return { text: saved.text };
    },
    "scenario.draft": async ({ name, text }) => {
      await store.call("saveDraft", { name, text });
      return {};
    },
  };
}

function readHead(name: string, text: string): Head {
  const draft = text.length > MAX_HEAD ? null : parseScenario(text).draft;
  if (draft === null) return { title: name, about: "", tags: [] };
  return { title: draft.title, about: draft.about, tags: [...draft.tags] };
}
