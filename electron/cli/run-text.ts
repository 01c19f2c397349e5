// A run as text for a terminal: what it ran on, its steps, findings, expectations, verdict.
// Simulated is said in the first line; nothing here was measured on a real kernel.
// Colour only stresses words that are there anyway.
import { styleText } from "node:util";
import type { RunDetail } from "#shared/contract/runs";
import { textTable } from "./text-table.ts";

export function runText(run: RunDetail, hasColor: boolean): string {
  const strong = (text: string) =>
    hasColor ? styleText("bold", text, { validateStream: false }) : text;
  const parts = [
    `${run.title || run.scenario} · ${run.lookup} · ${run.kernel} · ${run.mode} · simulated`,
    stepsOf(run),
    section(
      "Findings",
      run.findings.map(({ rule, sentence }) => `${rule}: ${sentence}`),
    ),
    section("Expectations", run.expectations.map(expectationLine)),
    strong(`${run.verdict}: ${run.sentence}`),
    `run ${run.id.slice(0, 6)}, ${run.events} events`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

const stepsOf = (run: RunDetail): string =>
  textTable(
    [
      { title: "step", align: "right" },
      { title: "line" },
      { title: "result" },
      { title: "refs", align: "right" },
    ],
    run.stepRows.map(({ n, line, result, verdict, deltaRef }) => [
      String(n),
      line,
      result === "" ? (verdict ?? "") : result,
      deltaRef === 0 ? "" : signed(deltaRef),
    ]),
  );

const signed = (value: number): string => (value > 0 ? `+${value}` : String(value));

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : [title, ...lines.map((line) => `  ${line}`)].join("\n");
}

function expectationLine(expectation: RunDetail["expectations"][number]): string {
  const { met, sentence, because } = expectation;
  const word = met === null ? "not asked" : met ? "met" : "NOT MET";
  return `${word}: ${sentence}${met === false ? ` (${because})` : ""}`;
}
