// Verbs that are system calls of the VMM on its memory, or orders to the
// host's memory manager. From: the lab's agent (verb) and module
// (do_pin, do_age).
import { routine, type SpineRoutine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, callOneOf, done, leave, loop, when } from "#shared/engine/words";
import { ResultForm } from "#shared/events/lab";
import type { PlanStep } from "#shared/scenario/plan";
import type { Verb } from "#shared/scenario/vocabulary";
import { exit_mmap } from "../host/child.ts";
import { dup_mmap } from "../host/fork.ts";
import { kindNumber } from "../host/kinds.ts";
import { ksm_do_scan } from "../host/ksm.ts";
import { adviceNumber, do_madvise } from "../host/madvise.ts";
import { do_pages_move } from "../host/move-pages.ts";
import { fillMapping, mmap_region } from "../host/mmap.ts";
import { do_mprotect_pkey } from "../host/mprotect.ts";
import { mremap_to } from "../host/mremap.ts";
import {
  __mmu_notifier_clear_flush_young,
  __mmu_notifier_clear_young,
  __mmu_notifier_test_young,
} from "../host/notifier.ts";
import { try_to_unuse } from "../host/pageout.ts";
import { PAGE_SIZE } from "../host/pgtable.ts";
import { pin_user_pages_fast, unpin_user_pages } from "../host/pin.ts";
import { do_mlock, madvise_populate, PopulateFor } from "../host/populate.ts";
import { do_sys_ftruncate, ksys_fallocate } from "../host/truncate.ts";
import { do_vmi_munmap, pageAlign } from "../host/unmap.ts";
import { kvm_destroy_vm } from "../kvm/destroy.ts";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { backingAt } from "./host-verbs.ts";
import { emitHostResult, emitMoved, emitResult } from "./results.ts";
import { argsAt, simple, stepAt, systemCall, verbLocals, type VerbRoutine } from "./step.ts";

const FILL_BATCH = 256 * PAGE_SIZE;
const EBUSY = -16;

interface Range {
  start: number;
  end: number;
}

/** The range that a step names, its size rounded up to pages. */
function setRange(step: PlanStep, own: Range): void {
  const hva = "hva" in step.args ? step.args.hva : 0;
  const size = "size" in step.args ? step.args.size : 0;
  own.start = hva;
  own.end = hva + pageAlign(size);
}

// Locals beyond the list and index of a step are the verb's own: callers give none.
const verb = (made: SpineRoutine<never>): VerbRoutine => made as unknown as VerbRoutine;

/** A call on a range whose result is 0 or an errno. */
const onRange = (
  name: string,
  made: SpineRoutine<{ start: typeof wide; end: typeof wide }>,
): VerbRoutine =>
  routine(name, systemCall, (own, m: Kvm) => [
    act("V1", () => setRange(stepAt(m, own), own)),
    call(made, { start: "start", end: "end" }, "r"),
    act("V2", () => emitHostResult(m, own.r)),
    done(),
  ]) as unknown as VerbRoutine;

const munmap = onRange("__x64_sys_munmap", do_vmi_munmap as never);

const LETTERS: Readonly<Record<string, number>> = {
  r: pg.VM_READ,
  w: pg.VM_WRITE,
  x: pg.VM_EXEC,
};

const mprotect = verb(
  routine("__x64_sys_mprotect", { ...systemCall, rights: int }, (own, m: Kvm) => [
    act("V1", () => {
      const step = argsAt(m, own, "mprotect");
      setRange(step, own);
      for (const letter of step.args.access) own.rights |= LETTERS[letter] ?? 0;
    }),
    call(do_mprotect_pkey, { start: "start", end: "end", rights: "rights" }, "r"),
    act("V2", () => emitHostResult(m, own.r)),
    done(),
  ]) as never,
);

const mremap = verb(
  routine("__x64_sys_mremap", { ...systemCall, to: wide }, (own, m: Kvm) => [
    act("V1", () => {
      const step = argsAt(m, own, "mremap");
      setRange(step, own);
      own.to = step.args.to;
    }),
    call(mremap_to, { from: "start", end: "end", to: "to" }, "r"),
    act("V2", () => emitHostResult(m, own.r)),
    done(),
  ]) as never,
);

const overLocals = { ...systemCall, kind: int, at: wide, hole: int } as const;

/** Fills the next part of the new mapping; false when all is filled. */
function fillNext(m: Kvm, own: Range & { kind: number; at: number }): boolean {
  const to = Math.min(own.end, own.at + FILL_BATCH);
  const request = { start: own.start, size: own.end - own.start, kind: own.kind };
  fillMapping(m, request, own.at, to);
  own.at = to;
  return to < own.end;
}

const mmapover = verb(
  routine("__x64_sys_mmap", overLocals, (own, m: Kvm) => [
    act("V1", () => {
      const step = argsAt(m, own, "mmapover");
      setRange(step, own);
      own.at = own.start;
      own.kind = kindNumber(step.args.kind);
      own.hole = step.args.kind === "hole" ? 1 : 0;
    }),
    when(
      () => own.hole !== 0,
      [call(do_vmi_munmap, { start: "start", end: "end" }), act("V2h", () => (own.r = 0))],
      [call(mmap_region, { start: "start", end: "end", kind: "kind" }, "r")],
    ),
    when(
      () => own.r === 0,
      [
        loop(
          when(
            act("V2", () => fillNext(m, own)),
            [again],
            [leave],
          ),
        ),
      ],
    ),
    act("V3", () => emitResult(m, own.r === 0 ? ResultForm.hostOk : ResultForm.hostFailed)),
    done(),
  ]) as never,
);

const madvise = verb(
  routine("__x64_sys_madvise", { ...systemCall, advice: int, mode: int }, (own, m: Kvm) => [
    act("V1", () => {
      const step = argsAt(m, own, "madvise");
      setRange(step, own);
      own.advice = adviceNumber(step.args.advice);
      const isWrite = step.args.advice === "populate_write";
      own.mode = isWrite ? PopulateFor.write : PopulateFor.read;
    }),
    when(
      () => own.advice >= 0,
      [call(do_madvise, { start: "start", end: "end", advice: "advice" }, "r")],
      [call(madvise_populate, { start: "start", end: "end", mode: "mode" }, "r")],
    ),
    act("V2", () => emitHostResult(m, own.r)),
    done(),
  ]) as never,
);

const fileLocals = {
  ...systemCall,
  file: ref,
  descriptor: int,
  isWritable: int,
  found: int,
} as const;
interface OnFile extends Range {
  file: number;
  descriptor: number;
  isWritable: number;
  found: number;
}

/** Finds the backing whose range an address lies in, and the range in its file. */
function findBacking(m: Kvm, own: OnFile, hva: number): number {
  for (let n = 0; n < m.mm.backings; n++) {
    const backing = backingAt(m, n);
    if (hva < backing.hva || hva >= backing.hva + backing.size) continue;
    own.file = backing.file;
    own.descriptor = backing.descriptor;
    own.isWritable = backing.isWritable ? 1 : 0;
    own.found = 1;
    return hva - backing.hva;
  }
  return 0;
}

const onDescriptor = (
  name: string,
  place: (m: Kvm, own: OnFile & { list: number; i: number }) => void,
  made: typeof ksys_fallocate,
): VerbRoutine =>
  verb(
    routine(name, fileLocals, (own, m: Kvm) => [
      act("V1", () => place(m, own as unknown as OnFile & { list: number; i: number })),
      when(() => own.found === 0, [act("V2e", () => emitResult(m, ResultForm.planError)), done()]),
      call(
        made,
        {
          file: () => pg.address_space.at(m, own.file),
          descriptor: "descriptor",
          isWritable: "isWritable",
          from: "start",
          to: "end",
        },
        "r",
      ),
      act("V2", () => emitHostResult(m, own.r)),
      done(),
    ]) as never,
  );

const punch = onDescriptor(
  "__x64_sys_fallocate",
  (m, own) => {
    const { hva, size } = argsAt(m, own, "punch").args;
    own.start = findBacking(m, own, hva);
    own.end = own.start + size;
  },
  ksys_fallocate,
);

const truncate = onDescriptor(
  "__x64_sys_ftruncate",
  (m, own) => {
    const { backing, size } = argsAt(m, own, "truncate").args;
    const named = m.plan.backings.find(({ name }) => name === backing);
    if (named !== undefined) findBacking(m, own, named.hva);
    own.start = 0;
    own.end = size;
  },
  do_sys_ftruncate,
);

const MOST_PAGES = 512;

const migrate = verb(
  routine("__x64_sys_move_pages", { ...systemCall, node: int, pages: int }, (own, m: Kvm) => [
    act("V1", () => {
      const { hva, size, node } = argsAt(m, own, "migrate").args;
      own.start = hva;
      own.pages = Math.min(Math.floor(size / PAGE_SIZE), MOST_PAGES);
      own.end = hva + own.pages * PAGE_SIZE;
      own.node = node;
    }),
    call(do_pages_move, { start: "start", end: "end", node: "node" }, "r"),
    act("V2", () => {
      emitMoved(m, own.r, own.pages, m.host.migrateStatus);
    }),
    done(),
  ]) as never,
);

const fork = routine("__x64_sys_fork", verbLocals, (_own, m: Kvm) => [
  act("V0", () => {
    if (m.mm.childPgd !== 0) notSimulated("A second child");
  }),
  call(dup_mmap, {}),
  act("V1", () => emitResult(m, ResultForm.hostOk)),
  done(),
]);

/** The child's memory goes before its descriptors, which may be the last of the VM. */
const unfork = routine("unfork", verbLocals, (_own, m: Kvm) => [
  call(exit_mmap, {}),
  when(() => m.kvm.isClosed && !m.kvm.isDestroyed, [call(kvm_destroy_vm)]),
  act("V1", () => emitResult(m, ResultForm.hostOk)),
  done(),
]);

const hold = (name: string, isPin: number): VerbRoutine =>
  routine(name, systemCall, (own, m: Kvm) => [
    act("V1", () => setRange(stepAt(m, own), own)),
    call(pin_user_pages_fast, { hva: "start", end: "end", isPin }, "r"),
    act("V2", () => emitResult(m, ResultForm.pinned, own.r, own.r < 0 ? -1 : 0)),
    done(),
  ]) as unknown as VerbRoutine;

const unpin = simple("unpin", (m) => {
  unpin_user_pages(m);
  emitResult(m, ResultForm.hostOk);
});

const MERGEABLE = adviceNumber("mergeable");
const ksm = verb(
  routine("ksm", systemCall, (own, m: Kvm) => [
    act("V1", () => setRange(stepAt(m, own), own)),
    call(do_madvise, { start: "start", end: "end", advice: MERGEABLE }, "r"),
    call(ksm_do_scan, {}),
    act("V2", () => emitResult(m, ResultForm.hostOk)),
    done(),
  ]) as never,
);

const swapon = simple("__x64_sys_swapon", (m) => {
  emitHostResult(m, m.host.isSwapOn ? EBUSY : 0);
  m.host.isSwapOn = true;
});

const swapoff = routine("__x64_sys_swapoff", systemCall, (own, m: Kvm) => [
  call(try_to_unuse, {}, "r"),
  act("V1", () => emitHostResult(m, own.r)),
  done(),
]) as unknown as VerbRoutine;

const lock = (name: string, isLocked: number): VerbRoutine =>
  routine(name, systemCall, (own, m: Kvm) => [
    act("V1", () => {
      const step = stepAt(m, own);
      const hva = "hva" in step.args ? step.args.hva : 0;
      const size = "size" in step.args ? step.args.size : 0;
      own.start = hva - (hva % PAGE_SIZE);
      own.end = pageAlign(hva + size);
    }),
    call(do_mlock, { start: "start", end: "end", isLocked }, "r"),
    act("V2", () => emitHostResult(m, own.r)),
    done(),
  ]) as unknown as VerbRoutine;

const AGE_CALLS = [
  __mmu_notifier_clear_flush_young,
  __mmu_notifier_clear_young,
  __mmu_notifier_test_young,
];
const AGE_WAYS = ["flush", "clear", "test"] as const;
const TEST = AGE_WAYS.indexOf("test");

/** The lab's module asks the notifier as reclaim does; `test` is about one address. */
const age = verb(
  routine("do_age", { ...systemCall, way: int }, (own, m: Kvm) => [
    act("V1", () => {
      const { how, hva, size } = argsAt(m, own, "age").args;
      own.way = AGE_WAYS.indexOf(how);
      own.start = hva;
      own.end = hva + (own.way === TEST ? 1 : size);
    }),
    callOneOf(() => own.way, AGE_CALLS, { start: "start", end: "end" }, "r"),
    act("V2", () => emitResult(m, ResultForm.young, own.r)),
    done(),
  ]) as never,
);

export const HOST_CALLS: ReadonlyMap<Verb, VerbRoutine> = new Map<Verb, VerbRoutine>([
  ["munmap", munmap],
  ["mprotect", mprotect],
  ["mremap", mremap],
  ["mmapover", mmapover],
  ["madvise", madvise],
  ["punch", punch],
  ["truncate", truncate],
  ["migrate", migrate],
  ["fork", fork],
  ["unfork", unfork],
  ["pin", hold("pin", 1)],
  ["get", hold("get", 0)],
  ["unpin", unpin],
  ["ksm", ksm],
  ["swapon", swapon],
  ["swapoff", swapoff],
  ["mlock", lock("__x64_sys_mlock", 1)],
  ["munlock", lock("__x64_sys_munlock", 0)],
  ["age", age],
]);
