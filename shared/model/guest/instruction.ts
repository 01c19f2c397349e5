// The guest between entry and exit: the stubs of its code page, one access after the other. An
// instruction that exits is started again from its beginning; a page fault of the guest's own runs
// its handler.
// From: the lab's stubs and emulation facts (README); the AMD manual on exceptions with nested
// paging.
import { routine } from "#shared/engine/routine";
import { int } from "#shared/engine/struct";
import { act, again, done, loop, when } from "#shared/engine/words";
import { TlbScope } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { PAGE_SIZE } from "#shared/units/address";
import { highHalf, type Word } from "#shared/units/halves";
import * as contents from "../host/contents.ts";
import {
  SVM_EXIT_EXCEPTION_OUT,
  SVM_EXIT_INVLPG,
  SVM_EXIT_IOIO,
  SVM_EXIT_NPF,
  SVM_EXIT_PF,
  SVM_EXIT_WRITE_CR3,
  TLB_EXECUTABLE,
  TLB_USER,
  TLB_WRITABLE,
} from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { foreignRead, idleLength } from "./foreign.ts";
import * as g from "./layout.ts";
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, type Access } from "./paging.ts";
import { translateShadow } from "./shadow-walk.ts";
import { findTlb, flushTlb, flushTlbPage, tlbPfn, tlbRights } from "./tlb.ts";
import { Outcome, translate } from "./walk.ts";

type Vcpu = Kvm["vcpus"][number];

/** What the instruction at rip does to memory. `none` has no data access. */
export interface Instruction {
  readonly op:
    "read" | "write" | "xadd" | "invlpg" | "cr3" | "touch" | "handler" | "none" | "foreign";
  readonly kind: number;
  readonly size: number;
}

const NOTHING: Instruction = { op: "none", kind: ACCESS_READ, size: 0 };

/** By the offset in the code page. */
function stubTable(): readonly Instruction[] {
  const stubs = new Map<number, Instruction>();
  for (const size of [1, 2, 4, 8] as const) {
    stubs.set(g.STUB.read[size], { op: "read", kind: ACCESS_READ, size });
    stubs.set(g.STUB.write[size], { op: "write", kind: ACCESS_WRITE, size });
  }
  stubs.set(g.STUB.invlpg, { ...NOTHING, op: "invlpg" });
  stubs.set(g.STUB.cr3, { ...NOTHING, op: "cr3" });
  stubs.set(g.STUB.pageFault, { ...NOTHING, op: "handler" });
  stubs.set(g.STUB.xadd, { op: "xadd", kind: ACCESS_WRITE, size: 8 });
  stubs.set(g.STUB.touchRead, { op: "touch", kind: ACCESS_READ, size: 8 });
  stubs.set(g.STUB.touchWrite, { op: "touch", kind: ACCESS_WRITE, size: 8 });
  return Array.from({ length: PAGE_SIZE }, (_, offset) => stubs.get(offset) ?? NOTHING);
}
const STUBS = stubTable();

/** The bytes that hcode writes: nop; out %al,$0x10. */
const HOST_CODE = 0x10e690;

/** The stub at rip; null elsewhere. */
export function stubAt(rip: number): Instruction | null {
  const offset = rip & (PAGE_SIZE - 1);
  const base = rip - offset;
  if (base !== g.CODE_GPA && base !== g.USER_CODE_GVA) return null;
  return STUBS[offset] ?? NOTHING;
}

function decode(m: Kvm, vcpu: Vcpu): Instruction {
  const { rip } = vcpu;
  const stub = stubAt(rip);
  if (stub !== null) return stub;
  const bytes = codeBytes(m, vcpu);
  if ((bytes & 0xffffff) === HOST_CODE) return NOTHING;
  const read = foreignRead(bytes);
  if (read === null) notSimulated("Executing code that the plan did not write with hcode");
  return { op: "foreign", kind: ACCESS_READ, size: read.size };
}

/** Bytes of code that are looked at together. */
const WINDOW = 3;
const isAtPageEnd = ({ rip }: Vcpu): boolean => (rip & (PAGE_SIZE - 1)) > PAGE_SIZE - WINDOW;

/** The first bytes at rip, or the very first where the page ends before that. */
function codeBytes(m: Kvm, vcpu: Vcpu): number {
  const { rip } = vcpu;
  const pfn = tlbPfn(m, findTlb(m, vcpu, rip | 0, highHalf(rip)));
  return contents.loadLow(m, pfn, rip & (PAGE_SIZE - 1), isAtPageEnd(vcpu) ? 1 : WINDOW);
}

/** An access of code that no one wrote: the guest's fault, or nothing that can be followed. */
function readForeign(m: Kvm, id: number, vcpu: Vcpu): number {
  const { lo, hi } = foreignRead(codeBytes(m, vcpu)) ?? vcpu.rdi;
  const outcome = reachOwn(m, id, vcpu, { lo, hi }, ACCESS_READ);
  return outcome === Outcome.translated
    ? notSimulated("Executing code that the plan did not write, beyond its first instruction,")
    : outcome;
}

const NEEDED = [0, TLB_WRITABLE, TLB_EXECUTABLE] as const;

const isUserMode = (vcpu: Vcpu): boolean => vcpu.cpl === 3;

/** Whether the TLB has the address with the rights that the access needs. */
function isHit(m: Kvm, vcpu: Vcpu, lo: number, hi: number, needed: number): boolean {
  const entry = findTlb(m, vcpu, lo, hi);
  return entry !== 0 && (tlbRights(m, entry) & needed) === needed;
}

/** Translates unless the TLB has it with the rights needed. */
function reach(m: Kvm, id: number, vcpu: Vcpu, access: Access): number {
  const needed = (NEEDED[access.kind] ?? 0) | (access.isUser ? TLB_USER : 0);
  if (isHit(m, vcpu, access.lo, access.hi, needed)) return Outcome.translated;
  return m.mode === "npt0" ? translateShadow(m, id, vcpu, access) : translate(m, id, vcpu, access);
}

/** The same of an access that the running instruction makes. */
function reachOwn(m: Kvm, id: number, vcpu: Vcpu, { lo, hi }: Word, kind: number): number {
  const isUser = isUserMode(vcpu);
  const needed = (NEEDED[kind] ?? 0) | (isUser ? TLB_USER : 0);
  if (isHit(m, vcpu, lo, hi, needed)) return Outcome.translated;
  return reach(m, id, vcpu, { lo, hi, kind, isUser, isImplicit: false });
}

function fetchCode(m: Kvm, id: number, vcpu: Vcpu): number {
  const { rip } = vcpu;
  return reachOwn(m, id, vcpu, { lo: rip | 0, hi: highHalf(rip) }, ACCESS_FETCH);
}

/** Instructions that one act passes over. */
const IDLE_LIMIT = 16 * PAGE_SIZE;

/** Behind what changes nothing that shows; each instruction is fetched, where a page ends anew. */
function passIdle(m: Kvm, id: number, vcpu: Vcpu): number {
  for (let n = 0; n < IDLE_LIMIT && stubAt(vcpu.rip) === null; n++) {
    const length = idleLength(codeBytes(m, vcpu));
    if (isAtPageEnd(vcpu) && length !== 1) notSimulated("An instruction that may cross two pages");
    if (length === 0) return Outcome.translated;
    vcpu.rip += length;
    const fetched = fetchCode(m, id, vcpu);
    if (fetched !== Outcome.translated) return fetched;
  }
  return stubAt(vcpu.rip) === null
    ? notSimulated("Code without an end that the plan did not write")
    : Outcome.translated;
}

/** Act "walk": code, then data, then the data's second page if it crosses one. */
export function walk(m: Kvm, id: number, begun: number): number {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return Outcome.translated;
  const fetched = fetchCode(m, id, vcpu);
  if (fetched !== Outcome.translated) return fetched;
  const passed = passIdle(m, id, vcpu);
  if (passed !== Outcome.translated) return passed;
  const { op, kind, size } = decode(m, vcpu);
  if (size === 0) return Outcome.translated;
  if (op === "foreign") return readForeign(m, id, vcpu);
  const { lo, hi } = vcpu.rdi;
  if (begun === 0) m.emit(EventId.guestAccess, id, kind, lo, hi, size);
  // MODEL: the emulated CPU translates a locked read-modify-write for reading first.
  const read = op === "xadd" ? reachOwn(m, id, vcpu, { lo, hi }, ACCESS_READ) : Outcome.translated;
  if (read !== Outcome.translated) return read;
  const first = reachOwn(m, id, vcpu, { lo, hi }, kind);
  const isCrossing = (lo & 0xfff) + size > PAGE_SIZE;
  if (first !== Outcome.translated || !isCrossing) return first;
  return reachOwn(m, id, vcpu, { lo: (lo & ~0xfff) + PAGE_SIZE, hi }, kind);
}

/** Where a byte of the access lies. */
function placeOf(m: Kvm, vcpu: Vcpu, offset: number): { pfn: number; at: number } {
  const { lo, hi } = vcpu.rdi;
  const entry = findTlb(m, vcpu, (lo + offset) | 0, hi);
  return { pfn: tlbPfn(m, entry), at: ((lo & 0xfff) + offset) & 0xfff };
}

function load(m: Kvm, vcpu: Vcpu, size: number): void {
  const { pfn, at } = placeOf(m, vcpu, 0);
  const { rax } = vcpu;
  if (size === 8 && (at & 7) === 0) {
    // No cell: a word never written, thus zero, as cell 0 is.
    const cell = contents.wordCell(m, pfn, at >> 3);
    rax.lo = m.mem[cell] as number;
    rax.hi = cell === 0 ? 0 : (m.mem[cell + 1] as number);
    return;
  }
  if (at + size > PAGE_SIZE) {
    loadAcross(m, vcpu, size);
    return;
  }
  rax.lo = contents.loadLow(m, pfn, at, size);
  rax.hi = size === 8 ? contents.loadHigh(m, pfn, at) : 0;
}

/** Byte by byte, for the bytes lie in two pages. */
function loadAcross(m: Kvm, vcpu: Vcpu, size: number): void {
  const bytes = Array.from({ length: size }, (_, i) => {
    const place = placeOf(m, vcpu, i);
    return contents.loadLow(m, place.pfn, place.at, 1);
  });
  const join = (from: number): number =>
    [3, 2, 1, 0].reduce((word, i) => (word << 8) | (bytes[from + i] ?? 0), 0);
  vcpu.rax.lo = join(0);
  vcpu.rax.hi = join(4);
}

function store(m: Kvm, vcpu: Vcpu, size: number, lo: number, hi: number): void {
  const { pfn, at } = placeOf(m, vcpu, 0);
  if (at + size <= PAGE_SIZE) {
    contents.store(m, pfn, at, size, lo, hi);
    return;
  }
  for (let i = 0; i < size; i++) {
    const place = placeOf(m, vcpu, i);
    const byte = ((i < 4 ? lo >>> (8 * i) : hi >>> (8 * (i - 4))) & 0xff) | 0;
    contents.store(m, place.pfn, place.at, 1, byte, 0);
  }
}

/** Adds rax to memory, the old value comes back in rax. */
function exchangeAdd(m: Kvm, vcpu: Vcpu): void {
  const { lo, hi } = vcpu.rax;
  load(m, vcpu, 8);
  const { rax } = vcpu;
  const sum = (rax.lo >>> 0) + (lo >>> 0);
  store(m, vcpu, 8, sum | 0, (rax.hi + hi + (sum > 0xffffffff ? 1 : 0)) | 0);
}

/**
 * Whether a flush came between translation and access, by another thread. It has thrown the CPU out
 * of the guest, so the instruction starts again.
 */
function isFlushed(m: Kvm, id: number): boolean {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined || m.threads.length === 1) return false;
  const { rip, rdi } = vcpu;
  const stub = stubAt(rip);
  if (stub === null) return findTlb(m, vcpu, rip | 0, highHalf(rip)) === 0;
  if (stub.size === 0) return false;
  if (findTlb(m, vcpu, rdi.lo, rdi.hi) === 0) return true;
  const last = (rdi.lo + stub.size - 1) | 0;
  return ((rdi.lo ^ last) & ~0xfff) !== 0 && findTlb(m, vcpu, last, rdi.hi) === 0;
}

/**
 * Act "access": the load or store through the TLB. True when the guest is left: at the stub's out
 * instruction, or at one that KVM intercepts.
 */
export function access(m: Kvm, id: number): boolean {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return true;
  const { op, size, kind } = decode(m, vcpu);
  const { rdi, rax } = vcpu;
  if (op === "invlpg" || op === "cr3") {
    if (m.mode === "npt0") return leave(vcpu, op === "cr3" ? SVM_EXIT_WRITE_CR3 : SVM_EXIT_INVLPG);
    if (op === "invlpg") flushTlbPage(m, id, rdi.lo, rdi.hi);
    else loadCr3(m, id, vcpu);
    // The out instruction behind it is fetched anew, by the tables as they are now.
    vcpu.rip += FLUSHING_LENGTH;
    return false;
  }
  if (op === "read") load(m, vcpu, size);
  else if (op === "write") store(m, vcpu, size, rax.lo, rax.hi);
  else if (op === "xadd") exchangeAdd(m, vcpu);
  if (op === "touch" && !touch(m, vcpu, kind)) return false;
  return leave(vcpu, op === "handler" ? SVM_EXIT_EXCEPTION_OUT : SVM_EXIT_IOIO);
}

function leave(vcpu: Vcpu, code: number): true {
  vcpu.exit_code = code;
  return true;
}

/** Bytes of invlpg (%rdi) and of mov %rdi,%cr3. */
export const FLUSHING_LENGTH = 3;

function loadCr3(m: Kvm, id: number, vcpu: Vcpu): void {
  vcpu.cr3 = (vcpu.rdi.hi >>> 0) * 2 ** 32 + (vcpu.rdi.lo >>> 0);
  flushTlb(m, id, TlbScope.vcpu);
}

/** One page of a touch loop; true after the last. */
function touch(m: Kvm, vcpu: Vcpu, kind: number): boolean {
  if (kind === ACCESS_WRITE) store(m, vcpu, 8, vcpu.rax.lo, vcpu.rax.hi);
  else load(m, vcpu, 8);
  return nextTouch(vcpu);
}

/** Behind the access of a touch loop: the next page; true after the last. */
function nextTouch(vcpu: Vcpu): boolean {
  const { rdi } = vcpu;
  const next = (rdi.lo + PAGE_SIZE) | 0;
  rdi.lo = next;
  if (next >>> 0 < PAGE_SIZE) rdi.hi += 1;
  const left = vcpu.rcx - 1;
  vcpu.rcx = left;
  return left <= 0;
}

/**
 * Goes on behind an access that the emulator made. True when the stub has come to its out
 * instruction.
 */
function behindEmulated(m: Kvm, id: number): boolean {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return true;
  vcpu.isEmulated = 0;
  const isLast = stubAt(vcpu.rip)?.op !== "touch" || nextTouch(vcpu);
  return isLast && leave(vcpu, SVM_EXIT_IOIO);
}

const GDT = g.SYSTEM_GPA + 0x200;
const TSS = g.SYSTEM_GPA + 0x280;
const VECTOR_PF = 14;
/** The frame's first push is SS; the other five lie below it, in the same page. */
const FIRST_PUSH = 8;

/**
 * What the CPU touches to start the handler: gate, segment, stack of the task if it comes from user
 * mode.
 */
function deliver(m: Kvm, id: number): number {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return Outcome.translated;
  const at = (address: number, kind: number): Access => ({
    lo: address,
    hi: 0,
    kind,
    isUser: false,
    // The stack is the handler's; the CPU reads its tables for itself.
    isImplicit: kind === ACCESS_READ,
  });
  const touched = [at(g.SYSTEM_GPA + VECTOR_PF * 16, ACCESS_READ), at(GDT + 8, ACCESS_READ)];
  if (isUserMode(vcpu)) touched.push(at(TSS + 4, ACCESS_READ));
  touched.push(at(g.STACK_TOP - FIRST_PUSH, ACCESS_WRITE));
  for (const one of touched) {
    const outcome = reach(m, id, vcpu, one);
    if (outcome === Outcome.pageFault) notSimulated("A fault while the guest takes an exception");
    if (outcome !== Outcome.translated) {
      // The exit tells that an event was under way: KVM gives it to the CPU again.
      vcpu.injected = 1;
      return outcome;
    }
  }
  return Outcome.translated;
}

/** What a failed translation leaves the guest with: by the kind of tables the CPU walks. */
const faultExit = (m: Kvm): number => (m.mode === "npt0" ? SVM_EXIT_PF : SVM_EXIT_NPF);

const exitCode = (m: Kvm, id: number): number => m.vcpus[id]?.exit_code ?? 0;

/** Runs until the next exit and returns its code. */
export const runGuest = routine("runGuest", { vcpu: int, r: int, begun: int }, (own, m: Kvm) => [
  when(
    () => m.vcpus[own.vcpu]?.isEmulated === 1,
    [
      when(
        act("behind", () => behindEmulated(m, own.vcpu)),
        [done(SVM_EXIT_IOIO)],
      ),
    ],
  ),
  loop(
    when(
      () => m.vcpus[own.vcpu]?.pending === 1,
      [
        when(
          act("deliver", () => deliver(m, own.vcpu)),
          [done(() => faultExit(m))],
        ),
        act("handler", () => enterHandler(m, own.vcpu)),
      ],
    ),
    act("walk", () => {
      own.r = walk(m, own.vcpu, own.begun);
      own.begun = own.r === Outcome.translated ? 0 : 1;
      if (own.r === Outcome.pageFault) setPending(m, own.vcpu);
    }),
    when(() => own.r === Outcome.npf, [done(() => faultExit(m))]),
    when(() => own.r === Outcome.pageFault, [again]),
    when(
      act("access", () => {
        own.begun = isFlushed(m, own.vcpu) ? 1 : 0;
        return own.begun === 0 && access(m, own.vcpu);
      }),
      [done(() => exitCode(m, own.vcpu))],
    ),
    again,
  ),
]);

function setPending(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu !== undefined) vcpu.pending = 1;
}

/** The exception is delivered: the guest goes on in its handler. */
function enterHandler(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  vcpu.pending = 0;
  vcpu.injected = 0;
  vcpu.cpl = 0;
  vcpu.rip = g.CODE_GPA + g.STUB.pageFault;
}
