// An invalidation in the middle of a fault: begun when hva_to_pfn() returns for a chosen page, by
// the thread that faults; ended at once or at a later fault's entry. The mapping does not change.
// From: the lab's module (race_arm, race_off, race_begin, race_end, rp_entry, pf_entry).
import { routine } from "#shared/engine/routine";
import { wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { RaceState } from "../state/lab.ts";
import type { Kvm } from "../state/machine.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import { PAGE_SIZE } from "./pgtable.ts";

const range = { start: wide, end: wide } as const;
type Range = { start: number; end: number };

function setRange(m: Kvm, own: Range): void {
  own.start = m.lab_race.va;
  own.end = m.lab_race.va + m.lab_race.size;
}

export const race_end = routine("race_end", range, (own, m: Kvm) => [
  act("E1", () => setRange(m, own)),
  call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
  act("E2", () => {
    m.lab_race.state = RaceState.done;
    m.emit(EventId.labRace, 0, 0, 0, 0, 0);
  }),
  done(),
]);

/** False when another thread was first. */
function fire(m: Kvm, own: Range): boolean {
  if (m.lab_race.state !== RaceState.armed || m.lab_race.fired) return false;
  m.lab_race.fired = true;
  setRange(m, own);
  const { start, end } = own;
  m.emit(EventId.labRace, 1, start, highHalf(start), end, highHalf(end));
  return true;
}

export const race_begin = routine("race_begin", range, (own, m: Kvm) => [
  when(
    act("B1", () => fire(m, own)),
    [],
    [done()],
  ),
  call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
  when(
    act("B2", () => {
      m.lab_race.state = RaceState.begun;
      return m.lab_race.faults === 0;
    }),
    [call(race_end)],
  ),
  done(),
]);

/** rp_entry(): whether the lookup that starts now is the one to begin it at its return. */
export const isRaced = (m: Kvm, hva: number): boolean =>
  m.lab_race.state === RaceState.armed && hva - (hva % PAGE_SIZE) === m.lab_race.at;

/** pf_entry(): counts a fault; true when it is the one to end it. */
export function endsRace(m: Kvm): boolean {
  if (m.lab_race.state !== RaceState.begun) return false;
  m.lab_race.faults -= 1;
  return m.lab_race.faults === 0;
}

/** Disarms; an invalidation that is open ends first. */
export const race_off = routine("race_off", {}, (_own, m: Kvm) => [
  when(
    act("O1", () => m.lab_race.state === RaceState.begun),
    [call(race_end)],
  ),
  act("O2", () => (m.lab_race.state = RaceState.off)),
  done(),
]);
