// The services over a real library and the real writer: scenarios, settings, and the list of runs.
// Each output is checked by its schema of the contract.
// No run is executed here; the runs in the library are sample rows.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Input, type Method, methods, type Output } from "#shared/contract/methods";
import { createLibrary } from "../store/library.ts";
import { openForWriting } from "../store/open.ts";
import { sampleId, sampleRun } from "../store/sample-run.ts";
import { createServices, type RunningServices } from "./index.ts";

let folder = "";
let libraryPath = "";
let services: RunningServices;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "services-"));
  libraryPath = join(folder, "library.db");
  mkdirSync(join(folder, "scenarios"));
  const text = "faultline: 1\ntitle: A tail page\nabout: Why\ntags: [template]\nsteps: []\n";
  writeFileSync(join(folder, "scenarios", "lab-tail.yaml"), text);
  await start();
});
afterEach(async () => {
  await services.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<void> {
  services = await createServices({
    libraryPath,
    workerDir: join(import.meta.dirname, "../workers"),
    workerExt: ".ts",
    fixturesDir: folder,
    kind: "cli",
  });
}

/** Calls a handler and checks its output by the contract's schema. */
async function call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>> {
  const emit = async (): Promise<void> => {};
  const output = await services.handlers[method](input, {
    signal: new AbortController().signal,
    emit,
  });
  methods[method].output.parse(output);
  return output;
}

/** Puts runs into the library as another host of it would. */
function storeRuns(...seeds: number[]): string[] {
  const opened = openForWriting(libraryPath);
  if (!opened.ok) throw new Error(opened.failure.message);
  const library = createLibrary(opened.value);
  for (const seed of seeds) library.commitRun(sampleRun(seed, 50), seed);
  library.close();
  return seeds.map(sampleId);
}

const titles = async (q = ""): Promise<string[]> =>
  (await call("runs.list", { q, sort: "title", from: 0, count: 10 })).rows.map(
    ({ title }) => title,
  );

test("a built-in scenario is read, hidden by a saved one, and comes back", async () => {
  const builtIn = await call("scenario.read", { name: "lab-tail" });
  expect(builtIn).toMatchObject({ isBuiltIn: true, draft: null });
  expect((await call("scenario.list", {})).rows).toEqual([
    {
      name: "lab-tail",
      title: "A tail page",
      about: "Why",
      tags: ["template"],
      isBuiltIn: true,
      savedAt: 0,
      hasDraft: false,
    },
  ]);
  await call("scenario.save", { name: "lab-tail", text: "faultline: 1\ntitle: Mine\n" });
  expect((await call("scenario.list", {})).rows).toMatchObject([
    { title: "Mine", isBuiltIn: false },
  ]);
  expect(await call("scenario.delete", { name: "lab-tail" })).toEqual({
    text: "faultline: 1\ntitle: Mine\n",
  });
  expect(await call("scenario.read", { name: "lab-tail" })).toEqual(builtIn);
  await expect(call("scenario.delete", { name: "lab-tail" })).rejects.toMatchObject({
    code: "built-in",
  });
  await expect(call("scenario.read", { name: "none" })).rejects.toMatchObject({
    code: "no-such-scenario",
  });
});

test("a draft is kept until the scenario is saved or the draft emptied", async () => {
  await call("scenario.draft", { name: "new", text: "faultline: 1\ntitle: Half\n" });
  await call("scenario.draft", { name: "lab-tail", text: "faultline: 1\n# changed\n" });
  expect((await call("scenario.list", {})).rows).toMatchObject([
    { name: "lab-tail", hasDraft: true, isBuiltIn: true },
    { name: "new", title: "Half", hasDraft: true, isBuiltIn: false },
  ]);
  expect((await call("scenario.read", { name: "new" })).draft).toContain("Half");
  await call("scenario.save", { name: "new", text: "faultline: 1\n" });
  await call("scenario.draft", { name: "lab-tail", text: "" });
  expect((await call("scenario.list", {})).rows.map(({ hasDraft }) => hasDraft)).toEqual([
    false,
    false,
  ]);
});

test("settings are kept by the library", async () => {
  await call("settings.set", { key: "theme", value: "dark" });
  await call("settings.set", { key: "theme", value: "light" });
  await services.close();
  await start();
  expect(await call("settings.get", {})).toEqual({ values: { theme: "light" } });
});

test("the host says what it is", async () => {
  const info = await call("host.info", {});
  expect(info).toMatchObject({
    kind: "cli",
    library: "library.db",
    isReadOnly: false,
    warning: "",
  });
  expect(info.kernels.map(({ id }) => id)).toContain("6.12");
  expect(info.lookups.map(({ id }) => id)).toEqual(["V0", "V1", "V2", "V2b", "V3"]);
  expect(info.lookups.filter(({ runs, why }) => runs === (why !== ""))).toEqual([]);
});

test("runs are labelled, deleted, brought back; pinned ones refuse", async () => {
  const [one = "", two = "", three = ""] = storeRuns(1, 2, 3);
  expect(await titles()).toEqual(["sample 1", "sample 2", "sample 3"]);
  const labelled = await call("runs.label", {
    id: two,
    title: "kept",
    tags: ["mail"],
    pinned: true,
    note: "n",
  });
  expect(labelled).toMatchObject({ title: "kept", tags: ["mail"], pinned: true, note: "n" });
  const ids = [one, two, three, sampleId(99)];
  expect(await call("runs.delete", { ids })).toEqual({ deleted: 2, refused: [two] });
  expect(await titles()).toEqual(["kept"]);
  expect(await call("runs.restore", { ids: [one] })).toEqual({ restored: 1 });
  expect(await titles('title:"sample 1"')).toEqual(["sample 1"]);
  await services.close();
  await start();
  expect(await call("runs.restore", { ids: [three] })).toEqual({ restored: 0 });
  expect(await titles()).toEqual(["kept", "sample 1"]);
});

test("a run is found by the beginning of its id", async () => {
  storeRuns(0xab, 0xac);
  await expect(call("runs.get", { id: "0000" })).rejects.toMatchObject({ code: "ambiguous-run" });
  await expect(call("runs.get", { id: "ffff" })).rejects.toMatchObject({ code: "no-such-run" });
  await expect(call("runs.get", { id: "../../x" })).rejects.toMatchObject({ code: "bad-input" });
});

test("a library that is no library is refused with its reason", async () => {
  await services.close();
  writeFileSync(libraryPath, "not a database at all");
  await expect(start()).rejects.toMatchObject({ code: "not-a-database" });
  rmSync(libraryPath);
  await start();
});

test.skipIf(process.getuid?.() === 0)(
  "a library in a folder that cannot be written is shown",
  async () => {
    storeRuns(1);
    await services.close();
    chmodSync(libraryPath, 0o444);
    chmodSync(folder, 0o555);
    await start();
    expect(await call("host.info", {})).toMatchObject({ isReadOnly: true });
    await expect(call("settings.set", { key: "a", value: "b" })).rejects.toMatchObject({
      code: "read-only-library",
    });
    chmodSync(folder, 0o755);
  },
);

test("a watcher is told what the workers do until it goes", async () => {
  const stop = new AbortController();
  const seen: unknown[] = [];
  const emit = async (counts: unknown): Promise<void> => {
    seen.push(counts);
    stop.abort();
  };
  await services.handlers["host.watch"]({}, { signal: stop.signal, emit });
  expect(seen).toEqual([{ busy: 0, idle: expect.any(Number), waiting: 0 }]);
});
