// Why a value is what it is: the writes behind it, newest first, back to the scenario step that
// brought it in. An entry of KVM's tables leads to the lookup that gave its frame, that to the
// host's entry, that to the step that made it; a shadow entry to the guest's entry as well.
// From: the write log (engine/provenance.ts) and the lookup's own events; copies are followed by
// value, not guessed.
import { writersOf, type Write } from "#shared/engine/provenance";
import type { Cell } from "#shared/engine/machine";
import { decode } from "#shared/events/record";
import { LookupOutcome, LookupStep } from "#shared/events/own";
import { EventId, EVENTS } from "#shared/events/table";
import { PAGE_SIZE } from "#shared/units/address";
import { frameOf } from "#shared/units/halves";
import { groupedHex, hexOf, hexOfHalves } from "#shared/units/hex";
import { wordCell } from "../host/contents.ts";
import { entryCell } from "../host/pgtable.ts";
import { sp_has_gptes, spte_index, sptep_to_sp } from "../kvm/sp.ts";
import type { SimRun, StepSpan } from "../sim-run.ts";
import type { Kvm } from "../state/machine.ts";
import { entryText, isKvmTree, stateOf, type TreeKey } from "./entry.ts";
import { pfnOfGfn } from "./tables.ts";

export interface WhyNode {
  readonly event: number;
  readonly tick: number;
  readonly step: number;
  readonly thread: string;
  readonly fn: string;
  readonly sentence: string;
  readonly old: string;
  readonly new: string;
  readonly isInput: boolean;
}

/** Most nodes of a chain. */
export const WHY_LIMIT = 50;

/** Step that a tick belongs to. */
export const stepAtTick = (run: SimRun, tick: number): StepSpan | null =>
  run.steps.findLast((span) => span.firstTick <= tick) ?? null;

/** Number of the last event at or before a tick's end; 0 before the first. */
export const eventAtTick = (run: SimRun, tick: number): number => run.record.eventAt(tick + 1);

function nodeOfWrite(
  run: SimRun,
  write: Write,
  texts: { sentence: string; old: string; new: string },
): WhyNode {
  const { tick, thread, stack, routine, label } = write;
  const fn = run.functions[stack.at(-1) ?? routine]?.name ?? "";
  return {
    event: eventAtTick(run, tick),
    tick,
    step: stepAtTick(run, tick)?.n ?? -1,
    thread: run.threads[thread] ?? "",
    fn,
    isInput: false,
    ...texts,
    sentence: `${texts.sentence} (act ${label})`,
  };
}

function inputNode(run: SimRun, tick: number, hva: number): WhyNode {
  const span = tick < 0 ? null : stepAtTick(run, tick);
  const where = `hva ${groupedHex(hexOf(hva))}`;
  return {
    event: span?.firstEvent ?? 0,
    tick: span?.firstTick ?? 0,
    step: span?.n ?? -1,
    thread: run.threads[0] ?? "",
    fn: span === null ? "start" : span.step.verb,
    isInput: true,
    old: "",
    new: "",
    sentence:
      span === null ? `The VMM's start state maps ${where}.` : `Step ${span.n}: ${span.step.line}`,
  };
}

interface Found {
  readonly index: number;
  readonly hva: number;
  readonly sentence: string;
}

/** The last lookup step before an event that found this frame: where the pfn came from. */
function lookupOf(run: SimRun, before: number, pfn: number): Found | null {
  for (let index = before - 1; index >= 0; index--) {
    const row = run.record.event(index);
    if (row.event === EventId.labStep) return null;
    if (row.event !== EventId.lookupStep) continue;
    const made = decode(EVENTS.lookupStep, Int32Array.from(row.fields), 0, run.texts);
    if (made.pfn !== pfn || made.outcome === LookupOutcome.released) continue;
    return { index, hva: made.hva, sentence: lookupSentence(made.step, made.outcome) };
  }
  return null;
}

function lookupSentence(step: number, outcome: number): string {
  const name = Object.entries(LookupStep).find(([, code]) => code === step)?.[0] ?? "lookup";
  if (name === "resolve" && outcome === LookupOutcome.found)
    return "the frame is kept, no reference is taken";
  if (outcome === LookupOutcome.taken) return "the frame's page is taken with a reference";
  return "the frame is read from the host's entry";
}

/** The chain behind an entry of a table, as it is after the ticks before `before`. */
export function whyEntry(
  m: Kvm,
  run: SimRun,
  place: { tree: TreeKey; level: number; cell: number },
  before: number,
): WhyNode[] {
  const chain: WhyNode[] = [];
  const { tree, level, cell } = place;
  const high = isKvmTree(tree) ? m.kernel.nonpresentHigh : 0;
  const lo = m.mem[cell] as number;
  const hi = (m.mem[cell + 1] as number) ^ high;
  const text = (value: number): string => entryText(value, hi, stateOf(tree, value, hi, level));
  for (const write of writersOf(m, run.record, cell as Cell, before)) {
    chain.push(
      nodeOfWrite(run, write, {
        sentence: "wrote the entry",
        old: text(write.old),
        new: text(write.new),
      }),
    );
    if (chain.length >= WHY_LIMIT) return chain;
    if (write.old === 0) break;
  }
  const [newest] = chain;
  if (newest === undefined) return [inputNode(run, -1, 0)];
  if (!isKvmTree(tree) || stateOf(tree, lo, hi, level) === "T")
    return [...chain, inputNode(run, newest.tick, 0)];
  const source = sourceOf(m, run, newest.event, frameOf(lo, hi));
  const guest = tree === "shadow" ? guestEntry(m, run, cell, newest.tick) : null;
  if (guest === null) return [...chain, ...source];
  const at = source.findIndex((node) => node.isInput || node.tick < guest.tick);
  return [...chain, ...source.toSpliced(at < 0 ? source.length : at, 0, guest)];
}

/** What wrote the guest's entry that a shadow entry was made of, as KVM read it; null: nothing. */
function guestEntry(m: Kvm, run: SimRun, sptep: number, tick: number): WhyNode | null {
  const sp = sptep_to_sp(m, sptep);
  const table = sp_has_gptes(sp) ? pfnOfGfn(m, sp.gfn) : null;
  if (table === null) return null;
  const index = spte_index(m, sptep);
  const cell = wordCell(m, table, index);
  const [write] = cell === 0 ? [] : writersOf(m, run.record, cell as Cell, tick + 1);
  if (write === undefined) return null;
  const gpa = groupedHex(hexOf(sp.gfn * PAGE_SIZE + index * 8));
  return nodeOfWrite(run, write, {
    sentence: `wrote the guest's entry at gpa ${gpa}`,
    old: hexOfHalves(write.old, 0),
    new: hexOfHalves(write.new, 0),
  });
}

/** From a mapped frame to the lookup, the host's entry and the step that made it. */
function sourceOf(m: Kvm, run: SimRun, event: number, pfn: number): WhyNode[] {
  const found = lookupOf(run, event, pfn);
  if (found === null) return [];
  const row = run.record.event(found.index);
  const fn = run.functions[run.record.stackOf(row).at(-1) ?? -1]?.name ?? "";
  const lookup: WhyNode = {
    event: found.index + 1,
    tick: row.tick,
    step: stepAtTick(run, row.tick)?.n ?? -1,
    thread: run.threads[row.thread] ?? "",
    fn,
    sentence: found.sentence,
    old: "",
    new: `pfn ${groupedHex(hexOf(pfn))}`,
    isInput: false,
  };
  const cell = entryCell(m, found.hva, 1);
  const [writer] = cell === 0 ? [] : writersOf(m, run.record, cell as Cell, row.tick + 1);
  if (writer === undefined) return [lookup, inputNode(run, -1, found.hva)];
  const made = nodeOfWrite(run, writer, {
    sentence: "wrote the host's entry",
    old: hexOfHalves(writer.old, 0),
    new: hexOfHalves(writer.new, 0),
  });
  return [lookup, made, inputNode(run, writer.tick, found.hva)];
}
