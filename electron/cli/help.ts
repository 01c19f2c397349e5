// Help in plain English: the list of commands, and one command's page.
// Made from the commands' own words, so that help and behaviour cannot drift apart.
// Lines stay below 80 columns, because help is read in small terminals.
import type { Command } from "./command.ts";

const COMMON_HELP: Command["optionHelp"] = [
  ["--json", "print the result as JSON"],
  ["--quiet", "no progress and no remarks"],
  ["--library PATH", "use this library instead of yours"],
  ["--no-color", "no colours (NO_COLOR does the same)"],
];

export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`);
  return [
    "faultline simulates KVM's memory management for people who review patches.",
    "",
    "Usage: faultline COMMAND [arguments] [options]",
    "",
    ...rows,
    "",
    "faultline help COMMAND tells more about one of them.",
    "",
    "Exit codes: 0 as expected; 1 a difference, a finding or an expectation that",
    "is not met; 2 the input is wrong; 3 an error of faultline's own.",
    "",
  ].join("\n");
}

export function commandHelp({ name, usage, about, optionHelp }: Command): string {
  const rows = [...optionHelp, ...COMMON_HELP].map(
    ([option, help]) => `  ${option.padEnd(20)} ${help}`,
  );
  return [`Usage: faultline ${name} ${usage}`.trimEnd(), "", about, "", ...rows, ""].join("\n");
}
