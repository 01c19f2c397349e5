// What the host is, and the settings it keeps for views.
import { z } from "zod";
import { kernelId, lookupId, modeId } from "./values.ts";

export const hostInfo = {
  input: z.object({}),
  output: z.object({
    kind: z.enum(["electron", "browser", "cli"]),
    version: z.string(),
    engine: z.string(), // engine version, part of every run's digest
    library: z.string(), // file name of the library
    isReadOnly: z.boolean(),
    warning: z.string(), // "" or what a user must know (read-only library …)
    workers: z.int(),
    kernels: z.array(z.object({ id: kernelId, title: z.string(), real: z.string() })),
    modes: z.array(z.object({ id: modeId, title: z.string(), runs: z.boolean(), why: z.string() })),
    lookups: z.array(
      z.object({
        id: lookupId,
        title: z.string(),
        posted: z.boolean(),
        runs: z.boolean(),
        why: z.string(),
      }),
    ),
  }),
};

/** A stream that stays open: what the workers do now. */
export const watchHost = {
  input: z.object({}),
  item: z.object({ busy: z.int(), idle: z.int(), waiting: z.int() }),
  output: z.object({}),
};

const key = z.string().regex(/^[a-z][A-Za-z0-9.]{0,59}$/);
export const getSettings = {
  input: z.object({}),
  output: z.object({ values: z.record(key, z.string()) }),
};
export const setSetting = {
  input: z.object({ key, value: z.string().max(100_000) }),
  output: z.object({}),
};
