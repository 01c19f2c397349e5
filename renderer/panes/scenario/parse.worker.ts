// Parses a scenario off the page's thread: a text of ten thousand steps takes a quarter of a
// second.
// Answers each request with its own number; the page drops answers that are not its latest.
import { outlineOf } from "#shared/scenario/outline";
import { parseScenario } from "#shared/scenario/parse";
import type { ParseAnswer, ParseRequest } from "./parse-client.ts";

self.onmessage = (event: MessageEvent<ParseRequest>) => {
  const { id, text } = event.data;
  const { plan, draft, diagnostics } = parseScenario(text);
  const outline = draft === null ? null : outlineOf(draft);
  const answer: ParseAnswer = {
    id,
    parsed: { text, draft, diagnostics, outline, isValid: plan !== null },
  };
  self.postMessage(answer);
};
