// The lab's module as cells: the one invalidation that it runs in the
// middle of a fault. From: the lab's module (struct lab_race,
// race_state).
import { bit, int, struct, wide } from "#shared/engine/struct";

/** States of the armed invalidation, as `raced` prints them. */
export const RaceState = { off: 0, armed: 1, begun: 2, done: 3 } as const;

export const lab_race = struct("lab_race", {
  /** The page whose lookup starts it. */
  at: wide,
  /** What it is about: host virtual addresses. */
  va: wide,
  size: wide,
  /** Later faults until it ends; 0 ends it at once. */
  faults: int,
  fired: bit,
  /** RaceState. */
  state: int,
});
