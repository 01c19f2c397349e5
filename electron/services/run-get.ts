// One run as its views need it: the library's row, what was stored beside it, and what this program
// can do with it. An id may be given by its first digits when they name one run alone. Promises:
// reads the library only; nothing is executed.
import { CallError } from "#shared/contract/methods";
import type { RunSummary } from "#shared/contract/runs";
import type { Handlers } from "#shared/contract/server";
import { runIdPrefix } from "#shared/contract/values";
import { ENGINE_VERSION } from "#shared/model/simulate";
import type { StoredDetail } from "../workers/run-types.ts";
import { missingRun, type Services } from "./context.ts";

export function runGetHandlers({ reader }: Services): Pick<Handlers, "runs.get"> {
  function fullId(given: string): string {
    if (!runIdPrefix.safeParse(given).success) {
      throw new CallError(
        "bad-input",
        `"${given.slice(0, 20)}" is not a run's id. Use 4 to 16 hex digits.`,
      );
    }
    const [id, other] = reader.runs.idsWithPrefix(given);
    if (id === undefined) throw missingRun(given);
    if (other !== undefined) {
      throw new CallError("ambiguous-run", `Several runs begin with ${given}. Give more digits.`);
    }
    return id;
  }

  return {
    "runs.get": async ({ id }) => {
      const row = reader.runs.read(fullId(id));
      if (row === null) throw missingRun(id);
      // Written by our own worker, in this form.
      const { functions: _functions, ...detail } = JSON.parse(row.detail) as StoredDetail;
      const whyNotReplay = reasonAgainstReplay(row.summary);
      return {
        ...row.summary,
        text: row.text,
        findings: reader.findings.readAll(row.key),
        ...detail,
        canReplay: whyNotReplay === "",
        whyNotReplay,
      };
    },
  };
}

function reasonAgainstReplay({ engine, origin }: RunSummary): string {
  if (origin === "real") return "This is a real trace: it has events, and no simulated state.";
  if (engine === ENGINE_VERSION) return "";
  return `Made by engine ${engine}, and this is ${ENGINE_VERSION}. Run it again for its state.`;
}
