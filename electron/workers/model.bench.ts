// What a simulated fault costs: a guest that touches each page of fresh memory once, TDP MMU, every
// event recorded and thrown away, so that the store is not measured with it.
// CPU time, the fastest of several rounds: the machine may have other work.
import {
  RECORD_BULK,
  RECORD_FULL,
  RECORD_NOTHING,
  type RecordSwitches,
} from "#shared/engine/machine";
import { DROP } from "#shared/engine/recorder";
import { access, walk } from "#shared/model/guest/instruction";
import { CODE_GPA, STUB } from "#shared/model/guest/layout";
import { findTlb } from "#shared/model/guest/tlb";
import { Outcome } from "#shared/model/guest/walk";
import { kernelNamed } from "#shared/model/kernels/profiles";
import { LOOKUP_DESIGNS } from "#shared/model/lookup/designs";
import { parseScenario } from "#shared/scenario/parse";
import { PAGE_SIZE } from "#shared/units/address";
import { theSimulator } from "./simulation.ts";

type Report = (line: { name: string; value: number; unit: string; limit?: number }) => void;

/** So many that the last ones meet compiled code. */
const ROUNDS = 40;
const REGIONS = 32; // of 2 MiB
const FAULTS = REGIONS * 512;

function populate(): string {
  const pieces = Array.from({ length: REGIONS }, (_, n) => `${2 * n}M`);
  const tables = pieces.map((at) => `  - gpde D+${at} P+${at} pwuads\n`).join("");
  const setup = `  - back B anon ${2 * REGIONS}M\n  - slot 1 P B ${2 * REGIONS}M\n`;
  const steps = `  - boot\n${tables}  - gtouch D+0 ${FAULTS} w\n`;
  return `faultline: 1\ntitle: populate\nsetup:\n${setup}steps:\n${steps}`;
}

export function bench(report: Report, cpuMs: () => number): void {
  const { plan } = parseScenario(populate());
  if (!plan) throw new Error("the scenario of the bench is wrong");
  const simulator = theSimulator();
  const perSecond = (kernelId: string, lookupId: string, record: RecordSwitches): number => {
    const kernel = kernelNamed(kernelId);
    const lookup = LOOKUP_DESIGNS.find(({ id }) => id === lookupId);
    if (kernel === null || lookup === undefined) throw new Error(`no ${kernelId} or ${lookupId}`);
    const times = Array.from({ length: ROUNDS }, () => {
      const start = cpuMs();
      const run = simulator.stream({ plan, kernel, lookup, schedule: "", record }, DROP);
      if (run.end !== "finished") throw new Error(run.message);
      return cpuMs() - start;
    });
    return FAULTS / (Math.min(...times) / 1000);
  };
  const v3 = perSecond("7.2", "V3", RECORD_BULK);
  const { loads, touches } = hitsPerSecond(cpuMs);
  report({ name: "guest accesses on a TLB hit, plain loads", value: loads, unit: "/s" });
  report({ name: "guest accesses on a TLB hit, touch loop", value: touches, unit: "/s" });
  const v0 = perSecond("6.12", "V0", RECORD_BULK);
  report({ name: "faults, V0 on 6.12, all events", value: v0, unit: "/s" });
  report({ name: "faults, V3 on 7.2, all events", value: v3, unit: "/s" });
  const full = perSecond("7.2", "V3", RECORD_FULL);
  report({ name: "faults, V3 on 7.2, events, calls, writes", value: full, unit: "/s" });
  const bare = perSecond("7.2", "V3", RECORD_NOTHING);
  report({ name: "all recorded / nothing recorded", value: bare / full, unit: "x" });
}

const HITS = 200_000;

/**
 * One instruction after the other at the page that was touched last: code and data each through the
 * TLB, then the value. A plain load stays where it is; a touch loop also counts, and is set back.
 */
function hitsPerSecond(cpuMs: () => number): { loads: number; touches: number } {
  const { machine: m } = theSimulator();
  const vcpu = m.vcpus[0];
  if (vcpu === undefined) throw new Error("the machine has no vCPU");
  m.setRecord(RECORD_NOTHING);
  const { rdi } = vcpu;
  const last = rdi.lo - PAGE_SIZE;
  rdi.lo = last;
  if (findTlb(m, vcpu, last, rdi.hi) === 0) throw new Error("the last page is not in the TLB");
  const load = (): boolean => walk(m, 0, 0) === Outcome.translated && access(m, 0);
  const touch = (): boolean => {
    rdi.lo = last;
    vcpu.rcx = HITS;
    return walk(m, 0, 0) === Outcome.translated && !access(m, 0);
  };
  const perSecond = (rip: number, step: () => boolean): number => {
    vcpu.rip = rip;
    const times = Array.from({ length: ROUNDS }, () => {
      const start = cpuMs();
      for (let n = 0; n < HITS; n++) if (!step()) throw new Error("the guest faulted");
      return cpuMs() - start;
    });
    return HITS / (Math.min(...times) / 1000);
  };
  const loads = perSecond(CODE_GPA + STUB.read[8], load);
  return { loads, touches: perSecond(CODE_GPA + STUB.touchRead, touch) };
}
