// Small schemas that several methods share: ids, the three axes of a run, verdicts, origins.
// A value that a view shows carries everything needed to draw it; views decode nothing themselves.
// From: the product's words (verdicts, lookups, modes) and its severity order.
import { z } from "zod";
import { SEVERITY } from "#shared/compare/severity";

/**
 * A run's identity: the first 16 hex digits of the digest over its inputs. Views show 6 of them.
 */
export const runId = z.string().regex(/^[0-9a-f]{16}$/);
/** A prefix of a run id, as people type it. */
export const runIdPrefix = z.string().regex(/^[0-9a-f]{4,16}$/);

export const modeId = z.enum(["tdp", "tdp0", "npt0"]);
export const lookupId = z.enum(["V0", "V1", "V2", "V2b", "V3"]);
/** A kernel profile's name such as "6.12". Which exist is told by `host.info`. */
export const kernelId = z.string().regex(/^[0-9]{1,2}\.[0-9]{1,2}$/);

export const verdict = z.enum(SEVERITY);
export type Verdict = z.infer<typeof verdict>;

/** Where data comes from: a real trace, the simulator, or an estimate. */
export const origin = z.enum(["real", "sim"]);

/** 64-bit values cross the contract as raw lower-case hex without prefix. */
export const hexWord = z.string().regex(/^[0-9a-f]{1,16}$/);

/**
 * Event and tick positions: 0 is before everything; `event` n is the state after event n (1-based).
 */
export const position = z.int().min(0);

/**
 * Letters of the event kinds: guest, fault, lookup, reference, spte, zap, tlb, notifier, lock,
 * memslot, exit, error.
 */
export const kindLetter = z.enum(["G", "F", "L", "R", "S", "Z", "T", "N", "K", "M", "X", "!"]);

/** Bulk columns. */
export const int32s = z.instanceof(Int32Array);
export const uint32s = z.instanceof(Uint32Array);
export const float64s = z.instanceof(Float64Array);
export const uint8s = z.instanceof(Uint8Array);

/** Long work reports this at most 20 times a second. `secondsLeft` is null while unknown. */
export const progress = z.object({
  done: z.number().min(0),
  of: z.number().min(0).nullable(),
  unit: z.string(),
  perSecond: z.number().min(0),
  secondsLeft: z.number().min(0).nullable(),
  doing: z.string(),
});
export type Progress = z.infer<typeof progress>;
