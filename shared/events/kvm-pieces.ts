// Pieces that only KVM's events have: error-code flags, the fields of a shadow page, entry letters.
// Owns how a role word and an error code become text and back; which bits and names is PrintForms.
// From: KVM_MMU_PAGE_PRINTK and kvm_mmu_trace_pferr_flags, arch/x86/kvm/mmu/mmutrace.h (6.12, 7.2).
import { hasBit } from "#shared/units/halves";
import { halvesOfHex, hexOfHalves } from "#shared/units/hex";
import type { Piece, PrintContext, Slot } from "./declare.ts";
import { cellAt, dec, fail, hex, line, oneOf, printPieces, scanPieces } from "./pieces.ts";

const FOUR_BYTE = 4;
const QUADRANT = 5;
const DIRECT = 7;
const ACCESS = 8;

/** A flag list: names in the table's order, bits without a name last as one hex number. */
export function flagsText(lo: number, hi: number, context: PrintContext): string {
  const names: string[] = [];
  let left = lo;
  for (const [bit, name] of context.forms.pferr) {
    if (!hasBit(lo, 0, bit)) continue;
    names.push(name);
    left &= ~(1 << bit);
  }
  if (left !== 0 || hi !== 0) names.push(`0x${hexOfHalves(left, hi)}`);
  return names.join("|");
}

/** The flags of a code printed as a number before. A cut line lacks them: nothing is lost. */
export function flagsAgain(slot: Slot): Piece {
  const print: Piece["print"] = (cells, base, context) =>
    flagsText(cellAt(cells, base + slot.at), 0, context);
  return {
    scan: (scan, from) => {
      if (from === scan.text.length) return from;
      const expected = print(scan.cells, scan.base, scan);
      return scan.text.startsWith(expected, from) ? from + expected.length : fail(scan, from);
    },
    print,
  };
}

/** An error code that is printed as flags alone, up to the next blank. */
export function flagsOnly(slot: Slot): Piece {
  return {
    scan: (scan, from) => {
      const end = scan.text.indexOf(" ", from);
      if (end < 0) return fail(scan, from);
      let lo = 0;
      let hi = 0;
      for (const name of end === from ? [] : scan.text.slice(from, end).split("|")) {
        const known = scan.forms.pferr.find((entry) => entry[1] === name);
        const isNumber = known === undefined && name.startsWith("0x");
        const number = isNumber ? halvesOfHex(name.slice(2)) : null;
        if (known === undefined && number === null) return fail(scan, from);
        lo |= known === undefined ? (number?.lo ?? 0) : 1 << known[0];
        hi |= number?.hi ?? 0;
      }
      scan.cells[scan.base + slot.at] = lo;
      scan.cells[scan.base + slot.at + 1] = hi;
      return end;
    },
    print: (cells, base, context) =>
      flagsText(cellAt(cells, base + slot.at), cellAt(cells, base + slot.at + 1), context),
  };
}

interface PrintedRole {
  readonly text: string;
  readonly level: number;
}

/** The role's part of the text, after its level: ` 8-byte q0 direct wux nxe ad`. */
function roleText(role: number, context: PrintContext): PrintedRole {
  const { access, role: layout } = context.forms;
  const size = hasBit(role, 0, FOUR_BYTE) ? 4 : 8;
  const direct = hasBit(role, 0, DIRECT) ? " direct" : "";
  const rights = access[(role >>> ACCESS) & ((1 << layout.accessBits) - 1)] ?? "?";
  const invalid = hasBit(role, 0, layout.invalid) ? " invalid" : "";
  const nx = hasBit(role, 0, layout.efer_nx) ? "nxe" : "!nxe";
  const ad = hasBit(role, 0, layout.ad_disabled) ? "!ad" : "ad";
  const quadrant = (role >>> QUADRANT) & 3;
  const text = `${size}-byte q${quadrant}${direct} ${rights}${invalid} ${nx} ${ad}`;
  return { text, level: role & 15 };
}

const ROLE = /(\d+) (4|8)-byte q([0-3])( direct)? (\S+)( invalid)? (!?)nxe (!?)ad/y;

/** `l%u` … `%sad`: the printed bits of a role word. Bits that are not printed come back as 0. */
function role(slot: Slot): Piece {
  return {
    scan: (scan, from) => {
      ROLE.lastIndex = from;
      const found = ROLE.exec(scan.text);
      if (found === null) return fail(scan, from);
      const [all, level, size, quadrant, direct, rights, invalid, noNx, noAd] = found;
      const { access, role: layout } = scan.forms;
      const rightsValue = access.indexOf(rights ?? "");
      if (rightsValue < 0 || Number(level) > 15) return fail(scan, from);
      let value = Number(level) | (Number(quadrant) << QUADRANT) | (rightsValue << ACCESS);
      if (size === "4") value |= 1 << FOUR_BYTE;
      if (direct !== undefined) value |= 1 << DIRECT;
      if (invalid !== undefined) value |= 1 << layout.invalid;
      if (noNx === "") value |= 1 << layout.efer_nx;
      if (noAd === "!") value |= 1 << layout.ad_disabled;
      scan.cells[scan.base + slot.at] = value;
      return from + all.length;
    },
    print: (cells, base, context) => {
      const printed = roleText(cellAt(cells, base + slot.at), context);
      return `${printed.level} ${printed.text}`;
    },
  };
}

export const PAGE_FIELDS = {
  gen: "int",
  gfn: "wide",
  role: "int",
  root_count: "int",
  unsync: "int",
} as const;

/** The fields every event about a shadow page begins with. */
export function pageFields(slots: { readonly [K in keyof typeof PAGE_FIELDS]: Slot }): Piece {
  const body = line`sp gen ${dec(slots.gen)} gfn ${hex(slots.gfn)} l${role(slots.role)} root ${dec(
    slots.root_count,
  )} ${oneOf(slots.unsync, ["sync", "unsync"])}`;
  return {
    scan: (scan, from) => scanPieces(body, scan, from),
    print: (cells, base, context) => printPieces(body, cells, base, context),
  };
}

/**
 * `rwxu` of an entry, from its bits: writable, not NX, user. On AMD `r` is always there.
 * A trace of another vendor or a cut line may say something else: up to the bracket is read over.
 */
export function entryLetters(slot: Slot): Piece {
  return {
    scan: (scan, from) => {
      const end = scan.text.indexOf(")", from);
      return end < 0 || end - from > 4 ? fail(scan, from) : end;
    },
    print: (cells, base) => {
      const lo = cellAt(cells, base + slot.at);
      const hi = cellAt(cells, base + slot.at + 1);
      const executable = hasBit(lo, hi, 63) ? "-" : "x";
      return `r${hasBit(lo, 0, 1) ? "w" : "-"}${executable}${hasBit(lo, 0, 2) ? "u" : "-"}`;
    },
  };
}
