// The limits on a scenario text, each with its reason. Beyond one, parsing stops with a diagnostic
// that names it.
// From: measured times of the YAML reader, the capacities of the lab's agent, and the address
// layout of its guest.

/** Characters of a scenario text: about 100,000 steps, 2 to 3 s of parsing. */
export const MAX_TEXT = 2 * 1024 * 1024;
/**
 * Lines, and opening brackets: each is a value that the YAML reader makes, at some microseconds.
 */
export const MAX_LINES = 150_000;
export const MAX_BRACKETS = 100_000;
/** Setup, steps and thread steps together. */
export const MAX_STEPS = 100_000;
/** Values after aliases are followed: a bomb of nested aliases ends here. */
export const MAX_NODES = 1_000_000;
/** Levels of nesting; the language needs 8. */
export const MAX_DEPTH = 32;
/**
 * Open brackets, or columns of dashes and blanks, beyond which the YAML reader is not asked at all.
 */
export const MAX_RAW_DEPTH = 200;
/** Diagnostics kept; more would only repeat. */
export const MAX_DIAGNOSTICS = 200;
/** Characters of one step: the agent's line buffer. */
export const MAX_LINE = 255;
/** Words of one step: the agent's word array. */
export const MAX_WORDS = 12;
/** The agent's arrays: more backings, tracked pages or longer names than these break a real run. */
export const LAB_BACKINGS = 32;
export const LAB_PAGES = 16;
export const LAB_BACKING_NAME = 23;
export const LAB_PAGE_NAME = 15;
/** Backings whose hva stays below 2^47. */
export const MAX_BACKINGS = 2048;
export const MAX_THREADS = 8;
export const MAX_EXPECTATIONS = 1000;

/** Named addresses of the guest's and the agent's layout. */
export const DATA_GVA = 0x40000000;
export const DATA_GPA = 0x10000000;
export const DATA_SIZE = 0x1000000;
export const SYSTEM_HVA = 0x7d0000000000;
export const SYSTEM_SIZE = 0x10000;
export const FIRST_BACKING_HVA = 0x7e0000000000;
export const BACKING_STRIDE = 2 ** 30;
