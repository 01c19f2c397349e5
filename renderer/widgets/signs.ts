// The shapes and words of verdicts, event kinds, page families and entry states.
// Shape and letter say what a thing is; colour only repeats it. All names are tokens or paths in a
// 12 x 12 box.
// From: the user interface's table of signs.

export interface Sign {
  readonly ink: string; // token
  readonly path: string; // filled shape, "" when there is none
  readonly stroke: string; // stroked shape
  readonly dash: string; // stroke-dasharray, "" for a solid line
  readonly width: number; // of the stroke
}

const sign = (ink: string, shape: Partial<Sign>): Sign => ({
  ink: `var(--${ink})`,
  path: "",
  stroke: "",
  dash: "",
  width: 1.4,
  ...shape,
});

/** A full circle around the middle, as two arcs. */
function circle(radius: number): string {
  const arc = (to: number) => `a${radius} ${radius} 0 1 0 ${to} 0`;
  return `M${6 - radius} 6${arc(2 * radius)}${arc(-2 * radius)}z`;
}

/** Eight points, alternating between two radii, the first one up. */
function star(outer: number, inner: number): string {
  const points = Array.from({ length: 16 }, (_, i) => {
    const radius = i % 2 === 0 ? outer : inner;
    const angle = (i * Math.PI) / 8;
    const at = [6 + radius * Math.sin(angle), 6 - radius * Math.cos(angle)];
    return at.map((value) => value.toFixed(2)).join(" ");
  });
  return `M${points.join("L")}z`;
}

const VERDICT_SIGNS: Readonly<Record<string, Sign>> = {
  maps: sign("v-maps", { path: circle(4.5) }),
  refuses: sign("v-refuses", { path: "M1.5 1.5h9v9h-9zM3.2 5v2h5.6V5z" }),
  leaks: sign("v-leaks", { path: "M6 1l5.2 9.5H.8z" }),
  underflows: sign("v-underflows", { path: "M6 11L.8 1.5h10.4z" }),
  "wrong page": sign("v-wrong", { path: "M6 .4L11.6 6 6 11.6.4 6z" }),
  "stale mapping": sign("v-stale", { path: "M1.5 1h9L6.9 6l3.6 5h-9l3.6-5z" }),
  differs: sign("v-differs", {
    stroke: "M1 1h10v10H1zM3.2 4.8h5.6M3.2 7.2h5.6M7.6 3L4.4 9",
    width: 1.2,
  }),
  crashes: sign("v-crashes", { path: star(5.8, 2.7) }),
  fails: sign("v-fails", { stroke: "M2.2 2.2l7.6 7.6M9.8 2.2L2.2 9.8", width: 2.2 }),
  emulates: sign("v-emulates", { path: circle(1.4), stroke: circle(4.1), width: 1.5 }),
  skips: sign("v-emulates", { stroke: `${circle(4.3)}M3.6 6h4.8`, width: 1.5 }),
  "not run": sign("v-unknown", { stroke: circle(3.9), dash: "1.8 2", width: 1.2 }),
  note: sign("text-2", {
    path: "M5.3 5h1.4v3.8H5.3zM5.3 2.8h1.4v1.4H5.3z",
    stroke: circle(4.8),
    width: 1.2,
  }),
  holds: sign("v-maps", { stroke: "M2 6.4l2.8 2.8L10.2 3.4", width: 1.6 }),
};

/** The shape of a verdict, of "note" (an outlined i) or of "holds" (a tick). */
export function signOf(word: string): Sign {
  return (
    VERDICT_SIGNS[word] ?? sign("v-unknown", { stroke: circle(3.9), dash: "1.8 2", width: 1.2 })
  );
}

export interface KindSign {
  readonly title: string;
  readonly ink: string;
}

const kind = (title: string, token: string): KindSign => ({ title, ink: `var(--e-${token})` });

const KINDS: Readonly<Record<string, KindSign>> = {
  G: kind("guest", "guest"),
  F: kind("fault", "fault"),
  L: kind("lookup", "lookup"),
  R: kind("reference", "ref-get"),
  S: kind("SPTE set", "spte"),
  Z: kind("SPTE zap", "zap"),
  T: kind("TLB", "tlb"),
  N: kind("notifier", "notifier"),
  K: kind("lock", "lock"),
  M: kind("memslot", "memslot"),
  X: kind("exit or entry", "exit"),
  "!": kind("error", "error"),
};

/** Title and ink of an event kind; a dropped reference has an ink of its own. */
export function kindSign(letter: string, change = 0): KindSign {
  if (letter === "R" && change < 0) return kind("reference dropped", "ref-put");
  return KINDS[letter] ?? kind("event", "lock");
}

const FAMILIES: readonly (readonly [string, string, string])[] = [
  ["anon", "anonymous memory", "A0 A1 AZ AR AC AH AK AP"],
  ["file", "file", "FP FS FD"],
  ["shmem", "shared memory", "SM SH HT"],
  ["pfnmap", "VM_PFNMAP", "PB PR PT PC PV PF"],
  ["mixed", "VM_MIXEDMAP", "MI MS"],
];

/** Family and ink of a page kind's two-letter code. */
export function pageFamily(code: string): KindSign {
  const row = FAMILIES.find(([, , codes]) => codes.split(" ").includes(code));
  return row === undefined
    ? { title: "nothing to map", ink: "var(--k-none)" }
    : { title: row[1], ink: `var(--k-${row[0]})` };
}

export interface EntrySign {
  readonly title: string;
  readonly look: string; // token part: s-<look> and s-<look>-ink
  readonly border: "solid" | "dashed" | "dotted";
}

const entry = (title: string, look: string, border: EntrySign["border"] = "solid"): EntrySign => ({
  title,
  look,
  border,
});

const ENTRIES: Readonly<Record<string, EntrySign>> = {
  T: entry("points to a table", "table"),
  W: entry("writable", "writable"),
  R: entry("read-only", "readonly"),
  a: entry("access-tracked", "readonly"),
  P: entry("write-protected by KVM", "readonly"),
  M: entry("MMIO", "mmio"),
  Z: entry("frozen", "frozen", "dotted"),
  ".": entry("not present", "nonpresent", "dashed"),
  "!": entry("stale in a TLB", "stale", "dashed"),
};

export const entrySign = (state: string): EntrySign =>
  ENTRIES[state] ?? entry("not present", "nonpresent", "dashed");

/** Ink and dash pattern of the runs of a comparison. */
export const RUN_LINES = {
  a: { ink: "var(--r-a)", dash: "" },
  b: { ink: "var(--r-b)", dash: "6 3" },
  c: { ink: "var(--r-c)", dash: "2 3" },
  d: { ink: "var(--r-d)", dash: "8 3 2 3" },
} as const;
