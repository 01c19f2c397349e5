// The colour of a frame in a differential flame graph: bluer where B spends less, orange where
// more. Pure. The change is judged against the whole, so small frames never shout; below the
// threshold: same.
// From: the user interface's rule of the diff flame (threshold field, 1 % by default).

export function diffToken(change: {
  a: number;
  b: number;
  whole: number;
  threshold: number;
}): string {
  const { a, b, whole, threshold } = change;
  const share = (b - a) / Math.max(whole, Number.MIN_VALUE);
  if (Math.abs(share) < threshold) return "--d-same";
  const isLarge = a === 0 || b === 0 || Math.abs(b - a) / Math.max(a, b) > 0.5;
  if (share < 0) return isLarge ? "--d-less-3" : "--d-less-1";
  return isLarge ? "--d-more-3" : "--d-more-1";
}
