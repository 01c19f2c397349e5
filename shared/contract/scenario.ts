// The library's scenarios: built-in ones
// (read-only), saved ones, recovery
// copies.
import { z } from "zod";

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._ -]{0,99}$/);
const text = z.string().max(2 * 1024 * 1024);

export const scenarioRow = z.object({
  name, // "lab-tail"
  title: z.string(),
  about: z.string(),
  tags: z.array(z.string()),
  isBuiltIn: z.boolean(),
  savedAt: z.int(), // 0 for built-in ones
  hasDraft: z.boolean(),
});
export type ScenarioRow = z.infer<typeof scenarioRow>;

export const listScenarios = {
  input: z.object({}),
  output: z.object({ rows: z.array(scenarioRow) }),
};
export const readScenario = {
  input: z.object({ name }),
  output: z.object({ name, text, isBuiltIn: z.boolean(), draft: z.string().nullable() }),
};
/** Saving under a built-in name makes the library's own copy, which then comes first. */
export const saveScenario = { input: z.object({ name, text }), output: scenarioRow };
export const deleteScenario = { input: z.object({ name }), output: z.object({ text: z.string() }) };
/** The recovery copy of unsaved text; an empty text removes it. */
export const saveDraft = { input: z.object({ name, text }), output: z.object({}) };
