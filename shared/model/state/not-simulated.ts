// What the model does not do yet, said honestly: the run stops at the act that would need it.
// Owns the one error that is neither a programmer's mistake nor a result of the kernel.
// From: the house rule that nothing is shown which the model does not really do.

/** Thrown inside an act; the run ends as failed with this sentence. */
export class NotSimulated extends Error {
  constructor(what: string) {
    super(`${what} is not simulated yet.`);
    this.name = "NotSimulated";
  }
}

export function notSimulated(what: string): never {
  throw new NotSimulated(what);
}
