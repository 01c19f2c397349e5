// Made-up runs for tests and the bench: every value follows from a seed, so that a reader can check
// what it finds. The columns move as event columns do: slow ticks, few kinds, local frame numbers,
// rare large values.
// From: xorshift32; no clock and no random source.
import { encodeChunk } from "#shared/engine/chunk";
import { STREAMS, type StreamName } from "#shared/engine/recorder";
import type { WholeRun } from "./library.ts";
import { type PackedChunk, packChunk } from "./pack.ts";

/** Rows of a full event chunk, as the engine cuts them. */
const CHUNK_ROWS = 4096;

function step(state: number): number {
  let next = state ^ (state << 13);
  next ^= next >>> 17;
  return next ^ (next << 5);
}

export function sampleColumns(seed: number, rows: number): Int32Array[] {
  const columns = STREAMS.events.map(() => new Int32Array(rows));
  const [tick, kind, spanAt, gfn, pfn, count, index, rare] = columns;
  if (!tick || !kind || !spanAt || !gfn || !pfn || !count || !index || !rare) return columns;
  let state = (seed * 2654435761) | 1;
  let frame = 0x100000;
  for (let row = 0; row < rows; row++) {
    state = step(state);
    if ((state & 63) === 0) frame = (state >>> 8) & 0xfffff;
    else if ((state & 7) === 0) frame++;
    tick[row] = row * 3 + (state & 1);
    kind[row] = (state >>> 4) & 15;
    spanAt[row] = row * 18 + ((state >>> 8) & 7);
    gfn[row] = frame;
    pfn[row] = frame ^ 0x5a000;
    count[row] = (state >>> 12) & 3;
    index[row] = frame & 511;
    rare[row] = (state & 255) === 0 ? state : 0;
  }
  return columns;
}

export function packColumns(stream: StreamName, columns: readonly Int32Array[]): PackedChunk[] {
  const total = columns[0]?.length ?? 0;
  const chunks: PackedChunk[] = [];
  for (let firstRow = 0; firstRow < total; firstRow += CHUNK_ROWS) {
    const rows = Math.min(CHUNK_ROWS, total - firstRow);
    const part = columns.map((column) => column.subarray(firstRow, firstRow + rows));
    chunks.push(
      packChunk({ stream, no: chunks.length, firstRow, rows }, encodeChunk(stream, part)),
    );
  }
  return chunks;
}

export const sampleId = (seed: number): string => seed.toString(16).padStart(16, "0");

export function sampleRun(
  seed: number,
  events: number,
  change: Partial<WholeRun["run"]> = {},
): WholeRun {
  return {
    run: {
      id: sampleId(seed),
      title: `sample ${seed}`,
      scenario: "sample.yaml",
      scenarioDigest: "0123456789abcdef",
      kernel: "6.12",
      mode: "tdp",
      lookup: "V0",
      schedule: "",
      origin: "sim",
      state: "complete",
      verdict: "maps",
      sentence: `V0 maps page ${seed}.`,
      engine: "1",
      steps: 2,
      ticks: events * 3,
      events,
      durationMs: 1.5,
      text: "faultline: 1\n",
      detail: JSON.stringify({ seed }),
      ...change,
    },
    chunks: packColumns("events", sampleColumns(seed, events)),
    findings: [
      {
        rule: "I1",
        verdict: null,
        sentence: "holds",
        evidence: "",
        event: null,
        pfn: null,
        gfn: null,
      },
      {
        rule: "I3",
        verdict: "leaks",
        sentence: `leak ${seed}`,
        evidence: "e",
        event: 5,
        pfn: 2 ** 39,
        gfn: 3,
      },
    ],
  };
}
