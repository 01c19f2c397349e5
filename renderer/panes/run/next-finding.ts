// The next event that a finding points to, in the order of the run. Pure.
// Findings that point to no event are passed over; at the end there is none.
// From: the key N of the run workspace.

export function nextFinding(
  findings: readonly { readonly event: number | null }[],
  from: number,
  direction: 1 | -1,
): number | null {
  let best: number | null = null;
  for (const { event } of findings) {
    if (event === null || (event - from) * direction <= 0) continue;
    if (best === null || (event - best) * direction < 0) best = event;
  }
  return best;
}
