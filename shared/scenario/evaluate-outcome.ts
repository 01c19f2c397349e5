// One step's expected outcome against its RESULT line. Reads the line with small patterns; what the
// line does not say is not met, never guessed.
// From: the agent's RESULT lines (`ok value=`, `errno=`, `guest-exception pf ec=`, `host errno=`,
// `dirty count= pages=`, `young=`).
import { halvesOfHex } from "#shared/units/hex";
import { sameWord } from "#shared/units/halves";
import type { Outcome } from "./expect.ts";
import { ERRNOS } from "./vocabulary.table.ts";

export interface StepResult {
  readonly n: number;
  readonly result: string;
  readonly mmioCount: number;
}

export function judgeOutcome(
  outcome: Outcome,
  fact: StepResult,
): { isMet: boolean; because: string } {
  return { isMet: isOutcome(outcome, fact), because: `Step ${fact.n}: ${resultSentence(fact)}.` };
}

const errnoOf = (result: string): number | null => {
  const match = /(?:^|host )errno=([0-9]+)/.exec(result);
  return match ? Number(match[1]) : null;
};
const isDone = (result: string): boolean => /^(host )?ok\b/.test(result);

function isOutcome(outcome: Outcome, { result, mmioCount }: StepResult): boolean {
  switch (outcome.kind) {
    case "ok":
      return isDone(result);
    case "errno":
      return errnoOf(result) === outcome.errno;
    case "maps":
      return isDone(result) && mmioCount === 0;
    case "refuses":
      return result.startsWith("errno=");
    case "emulates":
      return mmioCount > 0;
    case "value":
      return isValue(result, outcome.value);
    case "guest page fault":
      return isPageFault(result, outcome.code);
    case "guest protection fault":
      return result.startsWith("guest-exception gp");
    case "signal":
      return result === `host signal=${outcome.signal}`;
    case "dirty":
      return isDirty(result, outcome.pages);
    case "returned":
      return new RegExp(`\\b${outcome.word}=${outcome.count}(?![0-9])`).test(result);
    case "plan error":
      return result === "plan-error";
  }
}

function isValue(result: string, wanted: { lo: number; hi: number }): boolean {
  const match = /\bvalue=0x([0-9a-f]{1,16})\b/.exec(result);
  const halves = match ? halvesOfHex(match[1] ?? "") : null;
  return halves !== null && sameWord(halves, wanted);
}

function isPageFault(result: string, code: number | null): boolean {
  const match = /^guest-exception pf .*\bec=0x([0-9a-f]+)/.exec(result);
  return match !== null && (code === null || Number.parseInt(match[1] ?? "", 16) === code);
}

/** The lab prints 40 pages at most, but always how many there are. */
function isDirty(result: string, pages: readonly number[]): boolean {
  const match = /^dirty count=([0-9]+) pages=([0-9,]+|-)/.exec(result);
  if (!match || Number(match[1]) !== pages.length) return false;
  return match[2] === (pages.length === 0 ? "-" : pages.join(","));
}

function resultSentence({ result, mmioCount }: StepResult): string {
  if (result === "") return "no result";
  const errno = errnoOf(result);
  const name = [...ERRNOS].find(([, number]) => number === errno)?.[0];
  const said = name ? `${result} (${name})` : result;
  return mmioCount > 0 ? `${said}, after ${mmioCount} MMIO exits` : said;
}
