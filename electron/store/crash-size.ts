// How many events run n of the crash test has: from a part of a chunk to many chunks.
// Sizes differ so that kills fall into small and large transactions.
// Shared by the test and the process it kills.

export const sizeOfRun = (n: number): number => 100 + ((n * 7919) % 13) * 2500;
