// Progress on stderr, drawn over itself: only on a terminal, and not when --quiet is given.
// Shows what is done, how fast, and how long it will take, as far as that is known.
// `end` removes the line, so that what comes after stands alone.
import type { Progress } from "#shared/contract/values";
import type { Invocation } from "./command.ts";

const CLEAR = "\r\u001b[K";

export interface ProgressLine {
  show(progress: Progress): void;
  end(): void;
}

export function progressLine({ io, common }: Pick<Invocation, "io" | "common">): ProgressLine {
  if (!io.isTerminal || common.quiet) return { show: () => {}, end: () => {} };
  return {
    show: (progress) => io.err(`${CLEAR}${progressText(progress)}`),
    end: () => io.err(CLEAR),
  };
}

export function progressText({ doing, done, of, unit, perSecond, secondsLeft }: Progress): string {
  const amount = of === null ? count(done) : `${count(done)} of ${count(of)}`;
  const rate = perSecond > 0 ? `, ${count(perSecond)}/s` : "";
  const left = secondsLeft === null ? "" : `, ${Math.ceil(secondsLeft)} s left`;
  return `${doing}: ${amount} ${unit}${rate}${left}`;
}

const count = (value: number): string => Math.round(value).toLocaleString("en-US");
