// A run that was just simulated in this worker, with the machine still standing at its end.
// Answers questions about the machine at any tick; valid until the simulator makes another run.
// Promises: reading changes nothing but the place in time at which the machine stands.
import type { Seeker } from "#shared/engine/seek";
import { presentPte, ptePfn } from "#shared/model/host/pgtable";
import { type VmaView, vmaAt } from "#shared/model/host/vma";
import type { SimRun } from "#shared/model/sim-run";
import { VM_READ, VM_WRITE } from "#shared/model/state/host";
import type { Kvm } from "#shared/model/state/machine";
import type { HostMapping, StateReader } from "#shared/rules/rule";
import { theSimulator } from "./simulation.ts";

export class LiveRun implements StateReader {
  readonly run: SimRun;
  readonly machine: Kvm;
  readonly seeker: Seeker;

  constructor(run: SimRun) {
    const simulator = theSimulator();
    this.run = run;
    this.machine = simulator.machine;
    this.seeker = simulator.seeker(run);
  }

  /** The machine after the ticks before `tick`. */
  at(tick: number): Kvm {
    this.seeker.seek(tick);
    return this.machine;
  }

  /** Tick after which the machine is as it was after event n; 0 is the start. */
  tickOfEvent(n: number): number {
    if (n < 1) return 0;
    const index = Math.min(n, this.run.record.events) - 1;
    return this.run.record.event(index).tick + 1;
  }

  hostMapping(tick: number, hva: number): HostMapping | null {
    const m = this.at(tick);
    const vma = vmaOf(m, hva);
    if (vma === null) return null;
    const cell = presentPte(m, hva);
    return {
      isReadable: (vma.vm_flags & VM_READ) !== 0,
      isWritable: (vma.vm_flags & VM_WRITE) !== 0,
      pfn: cell === 0 ? null : ptePfn(m, cell),
    };
  }
}

/** The mapping that contains the address; without the span that the model's own lookup has. */
export function vmaOf(m: Kvm, hva: number): VmaView | null {
  for (let cell: number = m.mm.mmap; cell !== 0; cell = vmaAt(m, cell).vm_next) {
    const vma = vmaAt(m, cell);
    if (hva >= vma.vm_start && hva < vma.vm_end) return vma;
  }
  return null;
}
