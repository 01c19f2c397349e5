// Every file of fixtures/bad gives its diagnostic at its place, and never throws.
// Promises that the table and the folder name the same files.
// From: fixtures/bad/table.json, whose rows were read by eye when they were written.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseScenario } from "./parse.ts";

const folder = new URL("../../fixtures/bad/", import.meta.url);
interface Row {
  readonly file: string;
  readonly severity: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly nearest?: string;
}
const rows = JSON.parse(readFileSync(new URL("table.json", folder), "utf8")) as Row[];

describe("bad scenarios", () => {
  test("the table names each file once", () => {
    const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
    expect(rows.map((row) => row.file)).toEqual(files.toSorted());
  });

  test.each(rows)("$file", ({ file, ...row }) => {
    const text = readFileSync(new URL(file, folder), "utf8");
    const { plan, diagnostics } = parseScenario(text);
    const [first] = diagnostics;
    const { severity, line, column, message, nearest } = first ?? {};
    expect({ severity, line, column, message, ...(nearest ? { nearest } : {}) }).toEqual(row);
    expect(plan === null).toBe(diagnostics.some((each) => each.severity === "error"));
    expect(parseScenario(text).diagnostics).toEqual(diagnostics);
  });
});
