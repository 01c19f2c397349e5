// A process that commits runs is killed with SIGKILL at 24 moments; the library is opened after
// each of them. Every run that was announced is there to the byte, at most one more is, and none is
// there in part. The moments are drawn from a fixed seed; what they hit depends on the machine, so
// any of them may find a fault.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { sizeOfRun } from "./crash-size.ts";
import { createLibrary, type Library } from "./library.ts";
import { openForWriting } from "./open.ts";
import { sampleColumns, sampleId, sampleRun } from "./sample-run.ts";

const KILLS = 24;
const MAX_WAIT_MS = 90;
const folder = mkdtempSync(join(tmpdir(), "library-crash-"));
const path = join(folder, "library.db");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The last run that the child announced before it was killed; first - 1 when there was none. */
async function commitAndKill(first: number, waitMs: number): Promise<number> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "crash-child.ts"), path, String(first)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = once(child, "exit");
  let last = first - 1;
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    last = Number(line);
  });
  const linesEnded = once(lines, "close");
  await once(lines, "line");
  await sleep(waitMs);
  child.kill("SIGKILL");
  const [, signal] = await ended;
  expect(signal).toBe("SIGKILL");
  await linesEnded;
  return last;
}

function openedLibrary(): Library {
  const result = openForWriting(path);
  if (!result.ok) throw new Error(result.failure.message);
  return createLibrary(result.value);
}

function expectWhole(library: Library, n: number): void {
  const row = library.runs.read(sampleId(n));
  expect([n, row?.summary.events]).toEqual([n, sizeOfRun(n)]);
  const { rows, losses, columns } = library.readWindow(
    row?.key ?? 0,
    "events",
    0,
    sizeOfRun(n) + 1,
  );
  expect({ rows, losses }).toEqual({ rows: sizeOfRun(n), losses: [] });
  expect(columns).toEqual(sampleColumns(n, sizeOfRun(n)));
  expect(library.findings.readAll(row?.key ?? 0)).toEqual(sampleRun(n, 1).findings);
}

test(`after each of ${KILLS} kills every committed run is there and no half one`, async () => {
  let next = 1;
  let seed = 12_345;
  for (let kill = 0; kill < KILLS; kill++) {
    seed = (Math.imul(seed, 1103515245) + 12_345) >>> 0;
    const waitMs = (seed >>> 8) % MAX_WAIT_MS;
    const announced = await commitAndKill(next, waitMs);
    const library = openedLibrary();
    expect([kill, waitMs, library.quickCheck()]).toEqual([kill, waitMs, "ok"]);
    const count = library.runs.count();
    expect([announced, announced + 1]).toContain(count);
    for (let n = next; n <= count; n++) expectWhole(library, n);
    for (let n = 1; n < next; n += 1 + (next >> 3)) expectWhole(library, n);
    library.close();
    next = count + 1;
  }
  expect(next).toBeGreaterThan(KILLS);
}, 180_000);
