// The services for one command, in this process: started when first needed, stopped at the end.
// The command speaks to them through the same contract and encoding as a page does.
// Promises: a fresh library leaves no file behind; log texts of the host go to stderr.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectClient } from "#shared/contract/client";
import type { Client } from "#shared/contract/methods";
import { serve } from "#shared/contract/server";
import { wirePair } from "#shared/contract/wire";
import { startServices, type HostStart } from "../host/start-services.ts";
import type { Io, LibraryChoice } from "./command.ts";

export interface Session {
  open(where?: LibraryChoice): Promise<Client>;
  close(): Promise<void>;
}

export function makeSession(start: HostStart, io: Io): Session {
  const closers: (() => Promise<void>)[] = [];
  let client: Promise<Client> | undefined;

  async function connect(where: LibraryChoice): Promise<Client> {
    let { library } = start;
    if (where === "fresh") {
      const folder = await mkdtemp(join(tmpdir(), "faultline-run-"));
      closers.push(() => rm(folder, { recursive: true, force: true }));
      library = join(folder, "library.db");
    }
    const services = await startServices({ ...start, library });
    closers.push(() => services.close());
    const [near, far] = wirePair();
    serve(far, services.handlers, { log: (text) => io.err(`${text}\n`) });
    return connectClient(near);
  }

  return {
    open: (where = "user") => (client ??= connect(where)),
    close: async () => {
      for (const close of closers.toReversed()) await close();
    },
  };
}
