// Estimated times as text: one unit for a whole pane, three digits, never a unit per cell.
// Promises the same text for the same value; a missing time is a dash, never 0.
// From: the UI's table of numbers (est. µs with three digits, ms from one millisecond on).

interface TimeUnit {
  readonly name: "ns" | "µs" | "ms" | "s";
  readonly ns: number;
}

const UNITS: readonly TimeUnit[] = [
  { name: "µs", ns: 1e3 },
  { name: "ms", ns: 1e6 },
  { name: "s", ns: 1e9 },
];

/** The unit for a pane whose longest time is `ns`. */
export function timeUnit(ns: number): TimeUnit {
  let unit = UNITS[0] ?? { name: "µs", ns: 1e3 };
  for (const candidate of UNITS) if (ns >= candidate.ns) unit = candidate;
  return unit;
}

export const timeText = (ns: number | null, unit: TimeUnit, digits = 3): string =>
  ns === null ? "—" : (ns / unit.ns).toFixed(digits);

/** Text of a ruler tick: as many digits as the step between two ticks needs. */
export function tickText(ns: number, stepNs: number, unit: TimeUnit): string {
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(stepNs / unit.ns) - 1e-9)));
  return `${(ns / unit.ns).toFixed(digits)} ${unit.name}`;
}

/** A duration on its own: "0.34 µs", "5.20 µs", "1.25 ms". */
export function durationText(ns: number): string {
  const unit = timeUnit(ns);
  return `${(ns / unit.ns).toFixed(2)} ${unit.name}`;
}

/** Two significant digits: "6.5 %". */
export function shareText(part: number, whole: number): string {
  if (whole <= 0) return "—";
  const percent = (part / whole) * 100;
  return `${percent >= 10 ? percent.toFixed(0) : percent.toPrecision(2)} %`;
}
