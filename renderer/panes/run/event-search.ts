// Finds an event by tick or by time: both rise along a run, so halving finds the place in few
// questions. Promises at most 40 questions; a run without such an event gives its last row or
// null.
// From: the event rows of the contract, which carry tick and estimated time.
import type { Client } from "#shared/contract/methods";
import type { EventRow } from "#shared/contract/runs";

interface EventQuestion {
  readonly id: string;
  readonly key: "tick" | "t";
  readonly value: number;
}

const BLOCK = 64;
const MAX_QUESTIONS = 40;

/** The first event whose tick or time is at or after the value; the last one when there is none. */
export async function firstRowAt(
  client: Pick<Client, "call">,
  question: EventQuestion,
  signal?: AbortSignal,
): Promise<EventRow | null> {
  const options = signal === undefined ? {} : { signal };
  const read = async (from: number) =>
    await client.call("runs.events", { id: question.id, from, count: BLOCK, filter: "" }, options);
  let low = 0;
  let high = (await read(0)).all;
  let last: EventRow | null = null;
  for (let asked = 0; low < high && asked < MAX_QUESTIONS; asked++) {
    const from = Math.max(low, Math.floor((low + high - BLOCK) / 2));
    const { rows } = await read(from);
    const at = rows.findIndex((row) => row[question.key] >= question.value);
    if (rows.length === 0) return last;
    if (at > 0 || (at === 0 && from === low)) return rows[at] ?? null;
    if (at === 0) high = from + 1;
    else {
      last = rows.at(-1) ?? last;
      low = from + rows.length;
    }
  }
  return last;
}
