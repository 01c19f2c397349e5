// `npm run mutants`: changes the model's meaning in one place at a time and asks the real traces
// of fixtures/traces whether they notice. Survivors are holes in what the traces witness.
// `npm run mutants -- --only WORD` runs those whose file or meaning has the word, `--list` prints
// them. Exit code 0: at least 95 % are caught; 1: fewer; 2: the table is wrong. Changes no file.
import { ready } from "./install.mjs";
import { inProject, run, script } from "./project.mjs";

await script(async () => {
  const { node, env } = await ready();
  const main = inProject("electron", "boot", "mutants-check.mjs");
  const args = ["--disable-warning=ExperimentalWarning", main, ...process.argv.slice(2)];
  return run(node, args, { env });
});
