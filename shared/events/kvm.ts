// Tracepoints of the kvm system that belong to the picture: faults, notifier calls, emulation.
// Owns their fields in printed order and their bodies.
// From: arch/x86/kvm/trace.h, include/trace/events/kvm.h (6.12, 7.2).
import { tracepoint } from "./declare.ts";
import type { Piece, Slot } from "./declare.ts";
import {
  cellAt,
  dec,
  fail,
  hex,
  line,
  oneOf,
  paddedHex,
  printPieces,
  scanPieces,
} from "./pieces.ts";

// By vector; a vector without a name is printed as a number.
const EXCEPTIONS: readonly string[] = [
  "DE",
  "DB",
  "",
  "BP",
  "OF",
  "BR",
  "UD",
  "NM",
  "DF",
  "",
  "TS",
  "NP",
  "SS",
  "GP",
  "PF",
  "",
  "MF",
  "AC",
  "MC",
  "XM",
  "VE",
  "CP",
  "",
  "",
  "",
  "",
  "",
  "",
  "HV",
  "VC",
  "SX",
  "",
].map((name, vector) => (name === "" ? `0x${vector.toString(16)}` : `#${name}`));
const MODES = ["real", "vm16", "prot16", "prot32", "prot64"];
const LONGEST_INSTRUCTION = 15;

/** Instruction bytes, two digits each, blanks between; their number goes to `length`. */
function instruction(bytes: Slot, length: Slot): Piece {
  const byteAt = (cells: Int32Array, at: number, index: number): number =>
    (cellAt(cells, at + (index >> 2)) >>> (8 * (index & 3))) & 255;
  return {
    scan: (scan, from) => {
      const end = scan.text.indexOf(" (", from);
      const list = end <= from ? [] : scan.text.slice(from, end).split(" ");
      if (end < 0 || list.length > LONGEST_INSTRUCTION) return fail(scan, from);
      const cell = scan.base + bytes.at;
      for (const [index, text] of list.entries()) {
        if (!/^[0-9a-f]{2}$/.test(text)) return fail(scan, from + 3 * index);
        const at = cell + (index >> 2);
        scan.cells[at] = cellAt(scan.cells, at) | (Number.parseInt(text, 16) << (8 * (index & 3)));
      }
      scan.cells[scan.base + length.at] = list.length;
      return end;
    },
    print: (cells, base) => {
      const count = Math.min(cellAt(cells, base + length.at), LONGEST_INSTRUCTION);
      const list: string[] = [];
      for (let index = 0; index < count; index++) {
        list.push(
          byteAt(cells, base + bytes.at, index)
            .toString(16)
            .padStart(2, "0"),
        );
      }
      return list.join(" ");
    },
  };
}

/** ` (0x%x)` where the exception has an error code, else nothing. */
function errorCode(has: Slot, code: Slot): Piece {
  const body = line` (0x${hex(code)})`;
  return {
    scan: (scan, from) => {
      const isThere = scan.text.startsWith(" (", from);
      scan.cells[scan.base + has.at] = isThere ? 1 : 0;
      return isThere ? scanPieces(body, scan, from) : from;
    },
    print: (cells, base, context) =>
      cellAt(cells, base + has.at) === 0 ? "" : printPieces(body, cells, base, context),
  };
}

export const kvmEvents = {
  kvm_page_fault: tracepoint("kvm_page_fault", {
    id: 32,
    letter: "F",
    meaning: "The CPU left the guest because it could not translate this address.",
    fields: { vcpu: "int", rip: "u64", address: "u64", error_code: "u64" },
    body: (f) =>
      line`vcpu ${dec(f.vcpu)} rip 0x${hex(f.rip)} address 0x${paddedHex(
        f.address,
        16,
      )} error_code 0x${hex(f.error_code)}`,
  }),
  kvm_unmap_hva_range: tracepoint("kvm_unmap_hva_range", {
    id: 33,
    letter: "N",
    meaning: "The host invalidates this range of the VMM's addresses: KVM must forget it.",
    fields: { start: "wide", end: "wide" },
    body: (f) =>
      line`mmu notifier unmap range: 0x${paddedHex(f.start, 14)} -- 0x${paddedHex(f.end, 14)}`,
  }),
  kvm_age_hva: tracepoint("kvm_age_hva", {
    id: 34,
    letter: "N",
    meaning: "The host asks whether this range was used, and clears the marks of use.",
    fields: { start: "wide", end: "wide" },
    body: (f) =>
      line`mmu notifier age hva: 0x${paddedHex(f.start, 14)} -- 0x${paddedHex(f.end, 14)}`,
  }),
  kvm_test_age_hva: tracepoint("kvm_test_age_hva", {
    id: 35,
    letter: "N",
    meaning: "The host asks whether this address was used; nothing changes.",
    fields: { hva: "wide" },
    body: (f) => line`mmu notifier test age hva: 0x${paddedHex(f.hva, 14)}`,
  }),
  vcpu_match_mmio: tracepoint("vcpu_match_mmio", {
    id: 36,
    letter: "F",
    meaning: "The emulated access hits the vCPU's cached MMIO translation.",
    fields: { gva: "u64", gpa: "wide", write: "int", gpaMatch: "int" },
    body: (f) =>
      line`gva 0x${hex(f.gva)} gpa 0x${hex(f.gpa)} ${oneOf(f.write, [
        "Read",
        "Write",
      ])} ${oneOf(f.gpaMatch, ["GVA", "GPA"])}`,
  }),
  kvm_mmio: tracepoint("kvm_mmio", {
    id: 37,
    letter: "X",
    meaning: "The emulator reads or writes where no memory is: user space must answer.",
    fields: { type: "int", len: "int", gpa: "wide", val: "u64" },
    body: (f) =>
      line`mmio ${oneOf(f.type, ["unsatisfied-read", "read", "write"])} len ${dec(
        f.len,
      )} gpa 0x${hex(f.gpa)} val 0x${hex(f.val)}`,
  }),
  kvm_fast_mmio: tracepoint("kvm_fast_mmio", {
    id: 38,
    letter: "X",
    meaning: "A write went straight to an event descriptor, without emulation.",
    fields: { gpa: "wide" },
    body: (f) => line`fast mmio at gpa 0x${hex(f.gpa)}`,
  }),
  kvm_emulate_insn: tracepoint("kvm_emulate_insn", {
    id: 39,
    letter: "X",
    meaning: "KVM executes this guest instruction itself.",
    fields: {
      csbase: "int",
      rip: "u64",
      len: "int",
      insn: "bytes",
      mode: "int",
      failed: "int",
    },
    body: (f) =>
      line`${hex(f.csbase)}:${hex(f.rip)}:${instruction(f.insn, f.len)} (${oneOf(
        f.mode,
        MODES,
      )})${oneOf(f.failed, ["", " failed"])}`,
  }),
  kvm_inj_exception: tracepoint("kvm_inj_exception", {
    id: 40,
    letter: "!",
    meaning: "The guest gets this exception at its next entry.",
    fields: { exception: "int", hasError: "int", error_code: "int", reinjected: "int" },
    body: (f) =>
      line`${oneOf(f.exception, EXCEPTIONS)}${errorCode(f.hasError, f.error_code)}${oneOf(
        f.reinjected,
        ["", " [reinjected]"],
      )}`,
  }),
} as const;
