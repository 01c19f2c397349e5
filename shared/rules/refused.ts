// F1: KVM_RUN ended with EFAULT although the host maps the address for this access.
// A note, no broken invariant: the design refuses memory that the VMM itself could use.
// From: kvm_try_get_pfn(), virt/kvm/kvm_main.c (6.12): a page with count 0 gives no pfn; 7.2 asks
// for none.
import { LookupOutcome } from "#shared/events/own";
import { printBody } from "#shared/events/print";
import { EventId } from "#shared/events/table";
import { hexText, type Finding, type Rule, type RuleInput } from "./rule.ts";
import { intAt, scanEvents, wideAt, type ScannedEvent } from "./scan.ts";
import { Tracker, TRACKED } from "./tracker.ts";
import { PAGE_SIZE } from "#shared/units/address";
import { hasBit } from "#shared/units/halves";

const EFAULT = 14;
const PFERR_WRITE = 1;

/** Outcomes after which a refusal is the host's own, not the design's. */
const REFUSED_BY_HOST: readonly number[] = [
  LookupOutcome.noVma,
  LookupOutcome.forbidden,
  LookupOutcome.poisoned,
  LookupOutcome.refused,
];

/** What the vCPU's last fault was about, as far as its lookup came. */
interface LastFault {
  readonly gfn: number;
  readonly isWrite: boolean;
  hva: number;
  pfn: number;
  outcome: number;
  text: string;
  event: number;
  isRefusedByHost: boolean;
}

export const refusedMapping: Rule = {
  id: "F1",
  title: "Fault on a valid mapping",
  sentence: "An access that the host itself maps and permits does not end KVM_RUN with EFAULT.",
  severity: "note",
  check: (input) => new RefusalCheck(input).findings(),
};

class RefusalCheck {
  private readonly input: RuleInput;
  private readonly tracker = new Tracker();
  private readonly last = new Map<number, LastFault>();
  private readonly found = new Map<string, Finding>();

  constructor(input: RuleInput) {
    this.input = input;
  }

  findings(): readonly Finding[] {
    const wanted = [...TRACKED, EventId.kvm_page_fault, EventId.lookupStep, EventId.kvmRun];
    scanEvents(this.input.run.record, wanted, (event) => {
      this.tracker.apply(event);
      if (event.id === EventId.kvm_page_fault) this.faulted(event);
      else if (event.id === EventId.lookupStep) this.lookedUp(event);
      else if (event.id === EventId.kvmRun) this.returned(event);
    });
    return [...this.found.values()];
  }

  private faulted({ cells, thread }: ScannedEvent): void {
    this.last.set(thread, {
      gfn: Math.floor(wideAt(cells, 3) / PAGE_SIZE),
      isWrite: hasBit(intAt(cells, 5), intAt(cells, 6), PFERR_WRITE),
      hva: 0,
      pfn: 0,
      outcome: -1,
      text: "",
      event: 0,
      isRefusedByHost: false,
    });
  }

  private lookedUp(event: ScannedEvent): void {
    const fault = this.last.get(event.thread);
    if (fault === undefined) return;
    const { run } = this.input;
    const outcome = intAt(event.cells, 5);
    const pfn = wideAt(event.cells, 3);
    fault.hva = wideAt(event.cells, 1);
    fault.outcome = outcome;
    if (pfn !== 0) fault.pfn = pfn;
    fault.event = event.n;
    fault.text = printBody(event.id, event.cells, 0, { forms: run.kernel.forms, texts: run.texts });
    // GUP refuses every VM_PFNMAP area; only what no later step mended is the host's refusal.
    fault.isRefusedByHost = REFUSED_BY_HOST.includes(outcome);
  }

  private returned(event: ScannedEvent): void {
    const fault = this.last.get(event.thread);
    this.last.delete(event.thread);
    if (fault === undefined || Math.abs(intAt(event.cells, 1)) !== EFAULT || fault.hva === 0)
      return;
    const isPermitted = this.isPresentFor(fault) || this.isMappedFor(fault, event.tick);
    if (isPermitted) this.report(event, fault);
  }

  private isPresentFor(fault: LastFault): boolean {
    const entry = this.tracker.hostEntry(fault.hva);
    return entry !== null && entry !== undefined && (entry.isWritable || !fault.isWrite);
  }

  private isMappedFor(fault: LastFault, tick: number): boolean {
    if (fault.isRefusedByHost) return false;
    const mapping = this.input.state?.hostMapping(tick, fault.hva) ?? null;
    return mapping !== null && (fault.isWrite ? mapping.isWritable : mapping.isReadable);
  }

  private report(event: ScannedEvent, fault: LastFault): void {
    const key = `${fault.gfn}`;
    const known = this.found.get(key);
    if (known !== undefined) {
      this.found.set(key, { ...known, related: [...known.related, event.n] });
      return;
    }
    const { run, steps, nameOf } = this.input;
    const pfn = this.tracker.hostFrame(fault.hva) ?? null;
    const what = pfn === null ? `gfn ${hexText(fault.gfn)}` : nameOf(pfn);
    const access = fault.isWrite ? "writing" : "reading";
    this.found.set(key, {
      rule: "F1",
      verdict: "refuses",
      severity: "note",
      isBroken: false,
      sentence: `${run.lookup.id} refuses ${what}, which the host maps for ${access}.`,
      evidence: [
        `Event ${fault.event}: ${fault.text}.`,
        `gfn ${hexText(fault.gfn)}, hva ${hexText(fault.hva)}.`,
      ].join(" "),
      event: event.n,
      step: steps.numberOf(event.n, event.thread),
      pfn,
      gfn: fault.gfn,
      related: [fault.event, event.n],
    });
  }
}
