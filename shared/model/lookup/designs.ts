// The list of lookup designs; a design's place in
// it is its index. Adding one: its file, one line
// here.
import type { LookupDesign } from "./design.ts";
import { V0_LEGACY } from "./v0-legacy.ts";
import { V3_MERGED } from "./v3-merged.ts";

export const LOOKUP_DESIGNS: readonly LookupDesign[] = [V0_LEGACY, V3_MERGED];
