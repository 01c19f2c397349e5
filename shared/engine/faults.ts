// Programmer's errors of the engine: one code each, one text each, thrown and never caught to go
// on. The message is built only when the check has failed: a template at every call would cost more
// than the check. From: the house style for errors (what, where, what to do).

const TEXT = {
  "cell-out-of-range": "A put outside the machine's cells. Check the address arithmetic of the act",
  "not-a-number": "A put of something that is no finite number. Check the act's arithmetic",
  "cell-not-live": "A put into an object that is not allocated. Allocate it, or drop the reference",
  "no-such-kind": "This machine has no objects of the kind. Name it in the machine's layout",
  "kind-is-full": "No free object of the kind is left. Raise its count in the machine's layout",
  "not-allocated": "Freed an object that is not allocated. It was freed twice, or never allocated",
  "machine-too-small": "The layout needs more cells than the machine has. Raise the capacity",
  "no-log": "The place to undo to is no longer in the write log. Keep a run's log, or replay",
  "act-too-large": "One act wrote more rows than the reserve of its stream. Split the act",
  "stack-overflow": "A thread's frames no longer fit its stack. Raise the stack, or recurse less",
  "too-many-threads": "A machine has at most 31 threads. Start fewer",
  "no-program": "The machine has no rows yet. Link its routines before starting threads",
  "not-linked": "The routine is not part of the linked program. Name it to link()",
  "control-spins": "Control ran on without a tick. Put an act into the cycle",
  "bad-label": "A label must be 1 to 12 letters, digits, _ or . and unique in its routine",
  "bad-word": "The words of a routine do not fit together",
  "bad-local": "No such local, or one of another size",
  "bad-event": "The event's number of fields differs from the table of events",
  "bad-pick": "A chosen routine is not in the list it is chosen from",
  "impure-control": "A condition or guard put a value, or read a cell that other threads reach",
  "lock-misuse": "A lock was taken twice, or released by a thread that does not hold it",
  "lock-not-held": "An act expects a lock that its thread does not hold",
  "bad-struct": "A struct's field name is not an identifier, or it has too many cells",
} as const;

export type FaultCode = keyof typeof TEXT;

/** A programmer's error: stops the run that met it. */
export class EngineFault extends Error {
  readonly code: FaultCode;
  constructor(code: FaultCode, detail: string | number) {
    super(`${TEXT[code]} (${code}: ${detail}).`);
    this.name = "EngineFault";
    this.code = code;
  }
}

export function fail(code: FaultCode, detail: string | number): never {
  throw new EngineFault(code, detail);
}
