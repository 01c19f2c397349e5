// The evidence as one
// self-contained HTML file, or as
// 72-column text.
import { z } from "zod";
import { progress, runId } from "./values.ts";

export const SECTIONS = [
  "verdicts",
  "differences",
  "tables",
  "ledger",
  "profile",
  "schedule",
  "scenario",
  "real",
  "provenance",
] as const;
export const section = z.enum(SECTIONS);

export const makeReport = {
  input: z.object({
    runs: z.array(runId).min(1).max(4),
    title: z.string().max(200),
    note: z.string().max(20_000),
    sections: z.array(section),
    form: z.enum(["html", "text"]),
  }),
  item: progress,
  output: z.object({ name: z.string(), content: z.string(), bytes: z.int(), cut: z.string() }),
};
