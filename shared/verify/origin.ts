// Which kernel, mode and lookup a trace is from, told by the folders above the file.
// Owns the table of folder ends; the text of a trace names none of this.
// From: the trace files' own list of folders and what was built into each kernel.

export type Mode = "tdp" | "tdp0" | "npt0";

export interface TraceOrigin {
  readonly kernel: "6.1" | "6.12" | "7.2" | "7.3";
  readonly mode: Mode;
  /** Lookup design of the kernel that ran; null when the product has no such design. */
  readonly lookup: "V0" | "V1" | "V2b" | "V3" | null;
  /** Stage of a staged design. */
  readonly stage: "S1" | null;
  /** Planted defects that were on. */
  readonly mutants: readonly string[];
  /** What the model cannot do of this run; empty when nothing. */
  readonly remark: string;
}

type Build = Omit<TraceOrigin, "mode">;
const plain = (kernel: TraceOrigin["kernel"], lookup: TraceOrigin["lookup"]): Build => ({
  kernel,
  lookup,
  stage: null,
  mutants: [],
  remark: "",
});

const V11 = plain("6.12", "V1");
const HOOK = "A hook unmapped a page between lookup and mmu_lock: no verb of a plan does this.";
const MSR = "The plan has the verb msr, which is not modelled.";

/** By the folders above the mode's folder, joined by "/"; the longest end that fits counts. */
const BUILDS: readonly (readonly [RegExp, Build])[] = [
  [/(^|\/)6\.1$/, plain("6.1", "V0")],
  [/(^|\/)6\.12$/, plain("6.12", "V0")],
  [/(^|\/)7\.2$/, plain("7.2", "V3")],
  [/(^|\/)7\.3$/, plain("7.3", "V3")],
  [/(^|\/)6\.12-v11$/, V11],
  [/(^|\/)6\.12-v11\/unpatched$/, plain("6.12", "V0")],
  [/(^|\/)6\.12-v11\/stage6$/, { ...plain("6.12", "V2b"), stage: "S1" }],
  [/(^|\/)6\.12-v11\/stage7$/, { ...V11, lookup: null, remark: "V1 without its last patch." }],
  [/(^|\/)6\.12-v11\/defects\/early-retry-put(-refs)?$/, { ...V11, mutants: ["earlyDoublePut"] }],
  [
    /(^|\/)6\.12-v11\/defects\/gone-before-lock.*-unpatched.*$/,
    { ...plain("6.12", "V0"), remark: HOOK },
  ],
  [/(^|\/)6\.12-v11\/defects\/gone-before-lock[^/]*$/, { ...V11, remark: HOOK }],
  [/(^|\/)6\.12-v11\/clock\/[^/]*unpatched[^/]*$/, { ...plain("6.12", "V0"), remark: MSR }],
  [/(^|\/)6\.12-v11\/clock\/[^/]+$/, { ...V11, remark: MSR }],
];
const MODE_FOLDER = /^(tdp0|tdp|npt0)(-refs|-calls)?$/;

/** The origin of a file by its path; null when the folders say nothing: then options must. */
export function traceOrigin(path: string): TraceOrigin | null {
  const folders = path.replaceAll("\\", "/").split("/").slice(0, -1);
  const last = folders.at(-1) ?? "";
  const found = MODE_FOLDER.exec(last);
  // The folders of planted defects have no mode's folder: they ran in mode tdp.
  const above = (found === null ? folders : folders.slice(0, -1)).join("/");
  if (found === null && !above.includes("/defects/")) return null;
  const build = BUILDS.find(([shape]) => shape.test(above))?.[1];
  return build === undefined ? null : { ...build, mode: (found?.[1] ?? "tdp") as Mode };
}
