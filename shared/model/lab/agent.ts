// The VMM that runs a plan: its steps one after the other in one thread, then the scenario's
// threads side by side. Each step begins with its STEP mark; what follows up to the thread's next
// mark belongs to it.
// From: the lab's agent (run_plan); threads are the scenario language's own.
import { routine } from "#shared/engine/routine";
import { int } from "#shared/engine/struct";
import { startThread } from "#shared/engine/loop";
import {
  act,
  again,
  call,
  callOneOf,
  done,
  leave,
  loop,
  set,
  until,
  when,
} from "#shared/engine/words";
import { EventId } from "#shared/events/table";
import * as g from "../guest/layout.ts";
import { bootHost } from "../host/boot.ts";
import { kindNumber } from "../host/kinds.ts";
import { fillMapping, mapKind } from "../host/mmap.ts";
import { lru_add_drain } from "../host/page.ts";
import { createSlot } from "../kvm/memslots.ts";
import type { Kvm } from "../state/machine.ts";
import { isOnClosedVm, stepOnClosedVm } from "./closed.ts";
import { stepAt, stepsOf, verbLocals } from "./step.ts";
import { initRegisters, makeVcpus } from "./vcpus.ts";
import { VERB_ROUTINES } from "./verbs.ts";

const VERBS = [...VERB_ROUTINES.keys()];
const ROUTINES = [...VERB_ROUTINES.values()];

const stepLocals = { ...verbLocals, isClosed: int } as const;

const steps = (name: string, isFirst: boolean) =>
  routine(name, stepLocals, (own, m: Kvm) => [
    ...(isFirst ? [] : [until("wait", () => m.kvm.stepsDone !== 0)]),
    loop(
      when(() => own.i >= stepsOf(m, own.list).length, [leave]),
      // The plan's text is the number of the step: strings are not cells.
      act("S", () => {
        const { n } = stepAt(m, own);
        if (m.host.isTracking) lru_add_drain(m);
        m.emit(EventId.labStep, n, n);
        own.isClosed = isOnClosedVm(m, own) ? 1 : 0;
      }),
      when(
        () => own.isClosed !== 0,
        [call(stepOnClosedVm, { list: "list", i: "i" })],
        [callOneOf(() => VERBS.indexOf(stepAt(m, own).verb), ROUTINES, { list: "list", i: "i" })],
      ),
      set("i", () => own.i + 1),
      again,
    ),
    ...(isFirst ? [act("end", () => (m.kvm.stepsDone = 1))] : []),
    done(),
  ]);

export const planSteps = steps("planSteps", true);
export const threadSteps = steps("threadSteps", false);

/** Name of the thread that runs the scenario's steps, as schedules write it. */
export const MAIN_THREAD = "steps";

/**
 * The machine before the plan's first step: the host booted, the guest written, slot 0 and vCPU 0
 * made.
 */
export function buildLab(m: Kvm): void {
  bootHost(m);
  const slot0 = { start: g.SYS_HVA, size: g.SYS_SIZE, kind: kindNumber("touched") };
  mapKind(m, slot0);
  fillMapping(m, slot0, g.SYS_HVA, g.SYS_HVA + g.SYS_SIZE);
  g.writeGuest(m);
  m.mm.notifierUsers = 1;
  createSlot(m, { slot: 0, flags: 0, gpa: 0, size: g.SYS_SIZE, hva: g.SYS_HVA });
  initRegisters(m);
  makeVcpus(m, 0);
  startThread(m, MAIN_THREAD, planSteps, { list: 0 });
  for (const [index, thread] of m.plan.threads.entries()) {
    startThread(m, thread.name, threadSteps, { list: index + 1 });
  }
}
