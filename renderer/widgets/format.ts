// Numbers and words as the screen shows them: counts, times, sizes, changes of a reference count.
// Pure, and independent of the machine's language.
// From: the user interface's table of forms.

/** 48,211; from ten million: 21.4 M. */
export function count(value: number): string {
  if (Math.abs(value) >= 10_000_000) return `${(value / 1_000_000).toFixed(1)} M`;
  return String(Math.trunc(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** +1, −1, 0, with a true minus. */
export function delta(value: number): string {
  if (value === 0) return "0";
  return value > 0 ? `+${count(value)}` : `−${count(-value)}`;
}

/**
 * Estimated nanoseconds as µs with three digits, from 1 ms on as ms. The unit is part of the text.
 */
export function time(ns: number): string {
  const sign = ns < 0 ? "−" : "";
  const size = Math.abs(ns);
  return size >= 1_000_000
    ? `${sign}${(size / 1_000_000).toFixed(3)} ms`
    : `${sign}${micros(size)} µs`;
}

/** The figure alone, in µs: 24.030. */
export const micros = (ns: number): string => (ns / 1000).toFixed(3);

/** 3.1 GiB, 412 KiB, 96 B. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit] ?? "B"}`;
}

/** "1 run", "3 runs". */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** A pfn, gfn or address below 2^53 on the screen: 0x1_0001. */
export function hexNumber(value: number): string {
  return `0x${value.toString(16).replace(/\B(?=([0-9a-f]{4})+$)/g, "_")}`;
}

/** "12 s left", "3 min left"; "" while unknown. */
export function timeLeft(seconds: number | null): string {
  if (seconds === null) return "";
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s left`;
  return `${Math.round(seconds / 60)} min left`;
}

/** "2026-11-23 14:05" in local time: sortable and the same everywhere. */
export function dateTime(ms: number): string {
  const at = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Six digits of a run's id. */
export const shortId = (id: string): string => id.slice(0, 6);

/** The names of the three modes on the screen. */
export const MODE_TITLES: Readonly<Record<string, string>> = {
  tdp: "TDP MMU",
  tdp0: "Direct MMU",
  npt0: "Shadow MMU",
};
/** KVM's own tables in a mode, as the trees name them. */
export const kvmTablesOf = (mode: string): string => (mode === "npt0" ? "Shadow" : "TDP");

/** The names of the lookup designs on the screen. */
export const LOOKUP_TITLES: Readonly<Record<string, string>> = {
  V0: "V0 legacy",
  V1: "V1 series v11",
  V2: "V2 two-tier",
  V2b: "V2b staged",
  V3: "V3 merged",
};

export const titleOfLookup = (id: string): string => LOOKUP_TITLES[id] ?? id;
export const titleOfMode = (id: string): string => MODE_TITLES[id] ?? id;

/** Least width of a column of numbers up to `largest` in the table's digits, as a CSS length. */
export const numberWidth = (largest: number): string => `max(1.75rem, ${String(largest).length}ch)`;
