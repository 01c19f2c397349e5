// The one writer of the library. Every change of the file in this host goes through here, one after
// the other. Owns the writing connection and the runs that are on their way in. Promises: a change
// is done, or a Failure says why not and nothing was changed.
import { workerData } from "node:worker_threads";
import { type Failure, type Result } from "../store/failure.ts";
import { createLibrary, type Library } from "../store/library.ts";
import { openForWriting } from "../store/open.ts";
import { IncomingRun } from "./incoming-run.ts";
import { TaskFailure } from "./protocol.ts";
import { serveTasks } from "./serve-tasks.ts";
import type { StoreTasks } from "./store-types.ts";

const { libraryPath } = workerData as { libraryPath: string }; // given by services/index.ts
/** A mark older than this was left by a host that did not close: its undo is over. */
const MARK_DAYS = 7;
const DAY_MS = 86_400_000;

let library: Library | null = null;
const incoming = new Map<number, IncomingRun>();
const marked = new Set<number>();
let nextIncoming = 1;

const refuse = ({ code, message }: Failure): TaskFailure => new TaskFailure(code, message);

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw refuse(result.failure);
  return result.value;
}

function opened(): Library {
  library ??= createLibrary(valueOf(openForWriting(libraryPath)));
  return library;
}

/** One change; the world's faults become the task's failure. */
function change<T>(make: (library: Library) => T): T {
  const open = opened();
  return valueOf(open.attempt(() => make(open)));
}

function taken(number: number): IncomingRun {
  const run = incoming.get(number);
  if (run === undefined) throw new Error(`no incoming run ${number}`);
  incoming.delete(number);
  return run;
}

const tasks: StoreTasks = {
  open() {
    const open = opened();
    change(({ deleted }) => deleted.sweep(Date.now() - MARK_DAYS * DAY_MS));
    return { backup: open.backup };
  },
  beginRun({ port, control }) {
    incoming.set(nextIncoming, new IncomingRun(port, control));
    return nextIncoming++;
  },
  async commitRun({ incoming: number, run, findings }) {
    const chunks = await taken(number).chunks();
    const open = opened();
    valueOf(open.commitRun({ run, chunks, findings }, Date.now()));
    open.checkpoint();
    return null;
  },
  dropRun({ incoming: number }) {
    taken(number).drop();
    return null;
  },
  labelRun({ run, label }) {
    change(({ labels }) => labels.change(run, label));
    return null;
  },
  deleteRuns({ runs }) {
    const now = Date.now();
    const done = change(({ labels, deleted }) =>
      runs.filter((run) => !labels.isPinned(run) && deleted.mark(run, now)),
    );
    for (const run of done) marked.add(run);
    return done;
  },
  restoreRuns: ({ runs }) =>
    change(({ deleted }) => runs.filter((run) => deleted.unmark(run) && marked.delete(run)).length),
  saveScenario({ name, text }) {
    const savedAt = Date.now();
    change(({ scenarios, drafts }) => {
      scenarios.put({ name, text, savedAt });
      drafts.delete(name);
    });
    return { savedAt };
  },
  deleteScenario({ name }) {
    change(({ scenarios }) => scenarios.delete(name));
    return null;
  },
  saveDraft({ name, text }) {
    change(({ drafts }) => {
      if (text === "") drafts.delete(name);
      else drafts.put({ name, text, savedAt: Date.now() });
    });
    return null;
  },
  setSetting({ key, value }) {
    change(({ settings }) => settings.put(key, value));
    return null;
  },
  close() {
    if (library === null) return null;
    const open = library;
    for (const run of incoming.values()) run.drop();
    change(({ deleted }) => [...marked].map((run) => deleted.remove(run)));
    open.checkpoint();
    open.close();
    library = null;
    return null;
  },
};

serveTasks(tasks);
