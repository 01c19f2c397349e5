// The process that crash.test.ts kills: commits runs one after the other for ever and names each
// one after its commit. Run n has sizeOfRun(n) events and follows from n alone, so that the test
// knows every byte it must find. Started with the library's path and the first number.
import { createLibrary } from "./library.ts";
import { openForWriting } from "./open.ts";
import { sampleRun } from "./sample-run.ts";
import { sizeOfRun } from "./crash-size.ts";

const [, , path = "", first = "1"] = process.argv;
const opened = openForWriting(path);
if (!opened.ok) throw new Error(opened.failure.message);
const library = createLibrary(opened.value);
for (let n = Number(first); n < 1_000_000; n++) {
  const result = library.commitRun(sampleRun(n, sizeOfRun(n)), n);
  if (!result.ok) throw new Error(result.failure.message);
  if (n % 7 === 0) library.checkpoint();
  process.stdout.write(`${n}\n`);
}
