// The table of all methods. A host implements every one; a client may call nothing else.
// Adding a method: its schemas in the subject's file, one line here, one handler in
// electron/services.
import type { z } from "zod";
import * as compare from "./compare.ts";
import * as profile from "./profile.ts";
import * as report from "./report.ts";
import * as runs from "./runs.ts";
import * as scenario from "./scenario.ts";
import * as settings from "./settings.ts";
import * as state from "./state.ts";

export const methods = {
  "host.info": settings.hostInfo,
  "host.watch": settings.watchHost,
  "settings.get": settings.getSettings,
  "settings.set": settings.setSetting,
  "scenario.list": scenario.listScenarios,
  "scenario.read": scenario.readScenario,
  "scenario.save": scenario.saveScenario,
  "scenario.delete": scenario.deleteScenario,
  "scenario.draft": scenario.saveDraft,
  "runs.start": runs.startRun,
  "runs.list": runs.listRuns,
  "runs.get": runs.getRun,
  "runs.delete": runs.deleteRuns,
  "runs.restore": runs.restoreRuns,
  "runs.label": runs.labelRun,
  "runs.events": runs.readEvents,
  "runs.locate": runs.locateEvent,
  "runs.timeline": runs.readTimeline,
  "state.walk": state.readWalk,
  "state.table": state.readTable,
  "state.decode": state.decodeEntry,
  "state.page": state.readPage,
  "state.machine": state.readMachine,
  "state.why": state.readWhy,
  "profile.tree": profile.readProfile,
  "profile.difference": profile.readProfileDifference,
  "profile.export": profile.exportProfile,
  "compare.runs": compare.compareRuns,
  "compare.rows": compare.readAlignment,
  "compare.tables": compare.compareTables,
  "compare.text": compare.compareText,
  "report.make": report.makeReport,
} as const;

type Table = typeof methods;
export type Method = keyof Table;
export type Input<M extends Method> = z.infer<Table[M]["input"]>;
export type Output<M extends Method> = z.infer<Table[M]["output"]>;
/** What a method streams before its output; never for methods without a stream. */
export type Item<M extends Method> = Table[M] extends { item: infer S extends z.ZodType }
  ? z.infer<S>
  : never;

/** What a view holds: one function per method. `onItem` may be async; the stream waits for it. */
export interface Client {
  call<M extends Method>(
    method: M,
    input: Input<M>,
    options?: { signal?: AbortSignal; onItem?: (item: Item<M>) => void | Promise<void> },
  ): Promise<Output<M>>;
  /** Called once when the connection is lost. */
  onClose(listener: () => void): void;
  close(): void;
}

/** A failed call: `code` for programs, `message` for people (what happened, where, what to do). */
export class CallError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = "CallError";
    this.code = code;
  }
}
