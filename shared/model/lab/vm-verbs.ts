// Verbs on the VM: memslots, tracked pages, control registers, entries
// that the VMM stores itself. From: the lab's agent (set_slot, set_sregs,
// hpte).
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { ResultForm } from "#shared/events/lab";
import { EventId } from "#shared/events/table";
import type { PlanStep } from "#shared/scenario/plan";
import type { Verb } from "#shared/scenario/vocabulary";
import { PAGE_SIZE } from "#shared/units/address";
import { SYS_HVA } from "../guest/layout.ts";
import { CR0_WP, CR4_SMAP, CR4_SMEP, EFER_NX } from "../guest/paging.ts";
import { hostAccess, walkHost } from "../host/access.ts";
import { store } from "../host/contents.ts";
import { kvm_destroy_vm } from "../kvm/destroy.ts";
import { kvm_clear_dirty_log_protect, kvm_get_dirty_log_protect } from "../kvm/dirty-log.ts";
import { kvm_set_memory_region, regionLocals, slotById } from "../kvm/memslots.ts";
import { memslotAt } from "../lookup/memslot.ts";
import { allSteps } from "../steps.ts";
import { VMM_SLOTS, vmmSlot } from "../state/host.ts";
import * as k from "../state/kvm.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { entryValue, guestEntryAddress } from "./guest-verbs.ts";
import { emitHostResult, emitResult } from "./results.ts";
import { argsAt, simple, stepAt, verbLocals, type At, type VerbRoutine } from "./step.ts";
import { makeVcpus, registersOf, setSregs } from "./vcpus.ts";

type VmmSlot = ReturnType<typeof vmmSlot.at>;

const flagBits = (args: { readonly ro: boolean; readonly log: boolean }): number =>
  (args.log ? k.KVM_MEM_LOG_DIRTY_PAGES : 0) | (args.ro ? k.KVM_MEM_READONLY : 0);

/** Changes what the VMM remembers of the slot, and gives the size for the call. */
type Ask = (slot: VmmSlot, step: PlanStep) => number;

const idOf = (step: PlanStep): number => ("id" in step.args ? step.args.id : 0);

/**
 * KVM_SET_USER_MEMORY_REGION with what the VMM remembers: a refused call changes its memory too.
 */
const slotCall = (name: string, ask: Ask): VerbRoutine =>
  routine(name, { ...verbLocals, ...regionLocals, r: int }, (own, m: Kvm) => [
    act("V1", () => {
      const step = stepAt(m, own);
      const memory = vmmSlot.at(m, m.arena(KIND.vmmSlot).at(idOf(step) % VMM_SLOTS));
      own.slot = idOf(step);
      own.size = ask(memory, step);
      own.flags = memory.flags;
      own.gpa = memory.gpa;
      own.hva = memory.hva;
    }),
    call(
      kvm_set_memory_region,
      { slot: "slot", flags: "flags", gpa: "gpa", size: "size", hva: "hva" },
      "r",
    ),
    act("V2", () => emitHostResult(m, own.r)),
    done(),
  ]) as unknown as VerbRoutine;

const slot = slotCall("slot", (memory, step) => {
  if (step.verb !== "slot") return 0;
  memory.gpa = step.args.gpa;
  memory.hva = step.args.hva;
  memory.size = step.args.size;
  memory.flags = flagBits(step.args);
  return memory.size;
});
const slotDelete = slotCall("slot-del", () => 0);
const slotMove = slotCall("slot-move", (memory, step) => {
  if (step.verb === "slot-move") memory.gpa = step.args.gpa;
  return memory.size;
});
const slotFlags = slotCall("slot-flags", (memory, step) => {
  if (step.verb === "slot-flags") memory.flags = flagBits(step.args);
  return memory.size;
});

/** A tracked page prints no RESULT; its state is read after each step. */
const track = simple("track", (m) => {
  m.host.isTracking = true;
});

const CONTROL_BITS = {
  wp: { field: "cr0", mask: CR0_WP },
  smep: { field: "cr4", mask: CR4_SMEP },
  smap: { field: "cr4", mask: CR4_SMAP },
  nx: { field: "efer", mask: EFER_NX },
} as const;

const setcr = routine("setcr", { ...verbLocals, vcpu: int }, (own, m: Kvm) => [
  act("V1", () => {
    const { vcpu, args } = argsAt(m, own, "setcr");
    const { field, mask } = CONTROL_BITS[args.bit];
    const registers = registersOf(m);
    registers[field] = args.on === 1 ? registers[field] | mask : registers[field] & ~mask;
    makeVcpus(m, vcpu);
    own.vcpu = vcpu;
  }),
  call(setSregs, { vcpu: "vcpu", cpl: 0 }),
  act("V2", () => emitResult(m, ResultForm.hostOk)),
  done(),
]) as unknown as VerbRoutine;

/** Host address of the entry that the step stores; false for a faulty line. */
function findEntry(m: Kvm, at: At & { hva: number }, level: number): boolean {
  const step = stepAt(m, at);
  if (step.verb !== "hpte" && step.verb !== "hpde") return false;
  const { gva } = step.args;
  const address = guestEntryAddress(m, gva.lo, gva.hi, level);
  if (address === null) emitResult(m, ResultForm.planError);
  else at.hva = SYS_HVA + address;
  return address !== null;
}

function storeEntry(m: Kvm, at: At & { readonly hva: number; readonly signal: number }): void {
  const step = stepAt(m, at);
  if (step.verb !== "hpte" && step.verb !== "hpde") return;
  if (at.signal !== 0) notSimulated("A VMM that dies of a store into the guest's tables");
  const { lo, hi } = entryValue(step.args.gpa, step.args.flags);
  store(m, walkHost(m, at.hva, 1), at.hva % PAGE_SIZE, ENTRY_BYTES, lo, hi);
  emitResult(m, ResultForm.hostOk);
}
const ENTRY_BYTES = 8;

/**
 * A store of the VMM into the guest's tables: KVM does not see it, but for a page of the VMM that
 * must be copied first.
 */
const hostEntry = (name: string, level: number): VerbRoutine =>
  routine(name, { ...verbLocals, hva: wide, signal: int }, (own, m: Kvm) => [
    when(
      act("V1", () => findEntry(m, own, level)),
      [call(hostAccess, { hva: "hva", write: 1 }, "signal"), act("V2", () => storeEntry(m, own))],
    ),
    done(),
  ]) as unknown as VerbRoutine;

const EINVAL = -22;
const ENOENT = -2;
const LOG_WORD = 64;

/** cap-manual-dirty: 1 enables protection by hand, 2 more starts with all bits set. */
const capManualDirty = simple("cap-manual-dirty", (m, at) => {
  const { flags } = argsAt(m, at, "cap-manual-dirty").args;
  const isKnown = (flags & ~3) === 0 && flags !== 2;
  if (isKnown) m.kvm.manual_dirty_log_protect = flags;
  emitHostResult(m, isKnown ? 0 : EINVAL);
});

const logLocals = { ...verbLocals, slot: ref, word: int, end: int, r: int } as const;

/** Why a slot's log cannot be read: there is no such slot, or it does not log. */
function logError(m: Kvm, cell: number): number {
  return cell === 0 || memslotAt(m, cell).dirty_bitmap === 0 ? ENOENT : 0;
}

const dirtyGet = routine("dirty-get", logLocals, (own, m: Kvm) => [
  act("V1", () => {
    own.slot = slotById(m, idOf(stepAt(m, own))) as typeof own.slot;
    own.r = logError(m, own.slot);
  }),
  when(() => own.r < 0, [act("V2", () => emitHostResult(m, own.r)), done()]),
  call(kvm_get_dirty_log_protect, { slot: "slot" }, "r"),
  act("V3", () => emitDirty(m, own.r)),
  done(),
]) as unknown as VerbRoutine;

/** The list of pages is a string: its number counts the lists printed before it. */
function emitDirty(m: Kvm, count: number): void {
  const list = allSteps(m.plan).length + m.kvm.dirtyLists;
  m.kvm.dirtyLists += 1;
  m.emit(EventId.labResult, ResultForm.dirty, count, 0, 0, 0, 0, 0, 0, 0, list);
}

/** First page and number must be whole words of the log, or reach the slot's end. */
function clearError(m: Kvm, cell: number, first: number, count: number): number {
  if (first % LOG_WORD !== 0) return EINVAL;
  const missing = logError(m, cell);
  if (missing !== 0) return missing;
  const { npages } = memslotAt(m, cell);
  const isInside = first <= npages && count <= npages - first;
  return isInside && (count % LOG_WORD === 0 || first + count === npages) ? 0 : EINVAL;
}

const dirtyClear = routine("dirty-clear", logLocals, (own, m: Kvm) => [
  act("V1", () => {
    const { id, first, count } = argsAt(m, own, "dirty-clear").args;
    own.slot = slotById(m, id) as typeof own.slot;
    own.r = clearError(m, own.slot, first, count);
    own.word = Math.floor(first / LOG_WORD);
    own.end = Math.ceil((first + count) / LOG_WORD);
  }),
  when(
    () => own.r === 0,
    [call(kvm_clear_dirty_log_protect, { slot: "slot", word: "word", end: "end" }, "r")],
  ),
  act("V2", () => emitHostResult(m, own.r)),
  done(),
]) as unknown as VerbRoutine;

/**
 * Closes the vCPUs and the VM; closing what is closed does nothing. A child that was forked while
 * they were open has them too, so the VM lives until it exits.
 */
const destroy = routine("destroy", verbLocals, (own, m: Kvm) => [
  when(
    act("V1", () => {
      // Another thread inside a call on the VM keeps it alive until it returns.
      if (own.list !== 0) notSimulated("destroy beside other threads");
      const isLast = !m.kvm.isClosed && m.mm.childPgd === 0;
      m.kvm.isClosed = true;
      return isLast;
    }),
    [call(kvm_destroy_vm)],
  ),
  act("V2", () => emitResult(m, ResultForm.hostOk)),
  done(),
]);

export const VM_VERBS: ReadonlyMap<Verb, VerbRoutine> = new Map<Verb, VerbRoutine>([
  ["slot", slot],
  ["slot-del", slotDelete],
  ["slot-move", slotMove],
  ["slot-flags", slotFlags],
  ["cap-manual-dirty", capManualDirty],
  ["dirty-get", dirtyGet],
  ["dirty-clear", dirtyClear],
  ["track", track],
  ["setcr", setcr],
  ["hpte", hostEntry("hpte", 1)],
  ["hpde", hostEntry("hpde", 2)],
  ["destroy", destroy],
]);
