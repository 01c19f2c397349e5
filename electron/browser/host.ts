// Entry of the browser host: the whole app over loopback, for who has no display or no Electron.
// Prints one line "READY <address>" on stdout and serves until Ctrl-C; all else goes to stderr.
// --library PATH opens another library, --port N asks for a port instead of a free one.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runBrowserHost } from "./run-host.ts";

const { values } = parseArgs({
  options: { library: { type: "string" }, port: { type: "string", default: "0" } },
});

process.exitCode = await runBrowserHost({
  entryDir: import.meta.dirname,
  rendererDir: join(import.meta.dirname, "..", "renderer"),
  library: values.library,
  port: Number(values.port),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
