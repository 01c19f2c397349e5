// Runs the browser host from start to clean end; the entry and the command `serve` share it.
// Promises: READY is printed only when the host answers; a first Ctrl-C closes everything in order,
// a second one ends at once; the value is the process's exit code.
import { startServices } from "../host/start-services.ts";
import { startServer } from "./server.ts";

export interface BrowserHostOptions {
  entryDir: string;
  rendererDir: string;
  library: string | undefined;
  port: number;
  /** stdout, for the one READY line. */
  out(text: string): void;
  /** stderr, for everything else. */
  err(text: string): void;
}

export async function runBrowserHost(options: BrowserHostOptions): Promise<number> {
  const { port, rendererDir, out, err } = options;
  const log = (text: string) => err(`${text}\n`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    log("--port must be a number from 0 to 65535; 0 lets the system choose.");
    return 2;
  }
  const services = await startServices({ kind: "browser", ...options });
  try {
    const server = await startServer({ rendererDir, handlers: services.handlers, port, log });
    out(`READY ${server.url()}\n`);
    await interrupted();
    log("Closing.");
    await server.close();
    return 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    log(`Port ${port} is in use. Give another one with --port, or leave it out.`);
    return 2;
  } finally {
    await services.close();
  }
}

/** Resolves at the first request to end; a second one ends the process. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = () => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on("SIGINT", ask);
    process.on("SIGTERM", ask);
  });
}
