// What can be done on the comparison, as commands with names, keys and reasons.
// Mail text and report are actions of the head as well; both use the same functions.
// From: the key list of the comparison in the user interface.
import { address } from "../../app/address.ts";
import { copyText } from "../../app/clipboard.ts";
import { type Command, useCommands } from "../../app/commands.ts";
import { useNavigation } from "../../app/navigation.ts";
import { sentenceOf } from "../../app/requests.ts";
import { showToast } from "../../app/toasts.ts";
import type { Compare } from "./use-compare.ts";

export interface CompareActions {
  mail(): Promise<void>;
  report(): void;
}

export function useCompareActions(compare: Compare): CompareActions {
  const navigation = useNavigation();
  const mail = async (): Promise<void> => {
    if (compare.pair.value === null) return;
    try {
      const { text } = await compare.client.call("compare.text", compare.pair.value);
      await copyText(text, "72-column text");
    } catch (error) {
      showToast(sentenceOf(error), { kind: "error" });
    }
  };
  const report = (): void => {
    if (compare.pair.value !== null) navigation.go(address("report", "", compare.pair.value));
  };
  const why = (): string => (compare.pair.value === null ? "needs two runs" : "");
  const on = (id: string, title: string, keys: string, run: () => unknown): Command => ({
    id: `compare.${id}`,
    title,
    keys,
    why,
    run,
  });
  const fold = () => {
    compare.isFolding.value = !compare.isFolding.value;
  };
  useCommands([
    on("next", "Next difference", "N", () => compare.step(1)),
    on("previous", "Previous difference", "Shift+N", () => compare.step(-1)),
    on("swap", "Swap A and B", "X", compare.swap),
    on("fold", "Fold or unfold equal events", "=", fold),
    on("open-a", "Open run A at this row", "1", () => compare.openRun("a")),
    on("open-b", "Open run B at this row", "2", () => compare.openRun("b")),
    on("mail", "Copy the comparison as mail text", "M", mail),
    on("report", "Report on the comparison", "Shift+R", report),
    on("choose", "Choose two other runs", "A", () => compare.choose([])),
  ]);
  return { mail, report };
}
