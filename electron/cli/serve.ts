// `faultline serve`: the app in a browser, from this terminal until Ctrl-C.
// The same browser host that `npm start` uses where Electron cannot run.
// Prints the address to open; its code works for one browser.
import { join } from "node:path";
import { runBrowserHost } from "../browser/run-host.ts";
import { textOf, type Command } from "./command.ts";

export const serveCommand: Command = {
  name: "serve",
  usage: "",
  summary: "show the app in a browser on this machine",
  about: "Listens on 127.0.0.1 only and prints the address to open. Ctrl-C ends it.",
  options: { port: { type: "string" } },
  optionHelp: [["--port N", "use this port instead of a free one"]],
  arity: [0, 0],
  run: (invocation) => {
    const { entryDir, common, io } = invocation;
    return runBrowserHost({
      entryDir,
      rendererDir: join(entryDir, "..", "renderer"),
      library: common.library,
      port: Number(textOf(invocation, "port", "0")),
      out: io.out,
      err: io.err,
    });
  },
};
