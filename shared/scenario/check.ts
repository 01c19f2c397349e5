// What a scenario's steps do to names, backings, slots and guest tables, followed just far enough
// to warn of slips. Errors are for what has no meaning (a name given twice); what a real machine
// would refuse only warns, since its refusal is a result that people want to see (an overlapping
// slot gives EEXIST, a table walk outside slot 0 a plan error).
// From: the agent's arrays and guest layout; __kvm_set_memory_region(), virt/kvm/kvm_main.c (6.12),
// for a slot's rules.
import { PAGE_SIZE } from "#shared/units/address";
import { joinHalves } from "#shared/units/halves";
import type { Word } from "#shared/units/halves";
import type { Reporter, Token } from "./diagnostics.ts";
import * as limits from "./limits.ts";
import type { Backing, PlanStep, StepOf, TrackedPage } from "./plan.ts";
import type { RawStep } from "./raw-step.ts";
import type { Names } from "./resolve.ts";
import { KIND_BY_NAME, RESERVED } from "./words.ts";

interface Slot {
  readonly gpa: number;
  readonly hva: number;
  readonly size: number;
}

const HUGE_KINDS: ReadonlySet<string> = new Set(["thp", "hugetlb", "hugetlb-shared", "lab-huge"]);
const FILE_KINDS = /^(memfd|file|hugetlb-shared)/;
const HUGE_SIZE = 2 ** 21;

/** The world after the steps seen so far. */
export class World implements Names {
  readonly #report: Reporter;
  readonly #backings = new Map<string, Backing>();
  readonly #pages = new Map<string, TrackedPage>();
  readonly #slots = new Map<number, Slot>();
  #hasOwnTables = false;
  #isSetup = true;
  #isDestroyed = false;

  constructor(report: Reporter) {
    this.#report = report;
    this.#slots.set(0, { gpa: 0, hva: limits.SYSTEM_HVA, size: limits.SYSTEM_SIZE });
  }

  get made(): { backings: readonly Backing[]; pages: readonly TrackedPage[] } {
    return { backings: [...this.#backings.values()], pages: [...this.#pages.values()] };
  }

  /** From here on what KVM refuses is a result to look at, not a mistake in the description. */
  endSetup(): void {
    this.#isSetup = false;
  }

  hvaOf(backing: string): number | undefined {
    return this.#backings.get(backing)?.hva;
  }

  backings(): readonly string[] {
    return [...this.#backings.keys()];
  }

  /** Takes a step's effect into the world, and warns of what the machine would refuse. */
  visit(step: PlanStep, raw: RawStep): void {
    if (this.#isDestroyed && raw.spec.side !== "host") {
      this.#report.warn(raw.verb, "The VM was closed by destroy; this step can only fail.");
    }
    switch (step.verb) {
      case "back":
        return this.#back(step, raw);
      case "track":
        return this.#track(step, raw);
      case "slot":
        return this.#slot(step, raw);
      case "slot-del":
      case "slot-move":
      case "slot-flags":
      case "dirty-get":
      case "dirty-clear":
        return this.#existingSlot(step, raw);
      case "gpte":
      case "gpde":
      case "hpte":
      case "hpde":
        return this.#entry(step, raw);
      case "punch":
      case "truncate":
        return this.#file(step, raw);
      case "mmapover":
        return this.#kindSize(step.args.kind, step.args.size, word(raw, "size"));
      case "destroy":
        this.#isDestroyed = true;
        return;
      default:
        return;
    }
  }

  #name(
    at: Token,
    longest: number,
    taken: ReadonlyMap<string, { range: { line: number } }>,
  ): boolean {
    const other = taken.get(at.text);
    if (RESERVED.has(at.text)) {
      this.#report.error(at, `"${at.text}" has a meaning of its own. Choose another name.`);
    } else if (other) {
      const message = `"${at.text}" is defined already, in line ${other.range.line}.`;
      this.#report.error(at, message);
    } else if (at.text.length > longest) {
      this.#report.error(at, `"${at.text}" is longer than ${longest} characters.`);
    } else return true;
    return false;
  }

  #back(step: StepOf<"back">, raw: RawStep): void {
    const at = word(raw, "name");
    const count = this.#backings.size;
    if (count >= limits.MAX_BACKINGS) {
      this.#report.error(at, `A scenario has at most ${limits.MAX_BACKINGS} backings.`);
      return;
    }
    if (count === limits.LAB_BACKINGS) {
      this.#report.warn(
        at,
        `The lab has room for ${limits.LAB_BACKINGS} backings; it cannot run this.`,
      );
    }
    const { name, kind, size } = step.args;
    this.#kindSize(kind, size, word(raw, "size"));
    if (!this.#name(at, limits.LAB_BACKING_NAME, this.#backings)) return;
    // Proof: below MAX_BACKINGS the address stays below 2^47.
    const hva = (limits.FIRST_BACKING_HVA + count * limits.BACKING_STRIDE) as Backing["hva"];
    const range = this.#report.range(at.from, at.to);
    this.#backings.set(name, { name, kind, hva, size, n: step.n, range });
  }

  #kindSize(kind: string, size: number, at: Token): void {
    const largest = KIND_BY_NAME.get(kind)?.maxSize;
    if (largest !== undefined && size > largest) {
      this.#report.warn(at, `${kind} has ${largest / 1024}k; mapping more fails.`);
    }
    const unit = HUGE_KINDS.has(kind) ? HUGE_SIZE : PAGE_SIZE;
    if (size % unit !== 0) {
      this.#report.warn(
        at,
        `${at.text} is no multiple of ${unit / 1024}k, the page size of ${kind}.`,
      );
    }
  }

  #track(step: StepOf<"track">, raw: RawStep): void {
    const at = word(raw, "name");
    if (!this.#name(at, limits.LAB_PAGE_NAME, this.#pages)) return;
    const { name, hva } = step.args;
    this.#pages.set(name, { name, hva, n: step.n, range: this.#report.range(at.from, at.to) });
    if (this.#pages.size === limits.LAB_PAGES + 1) {
      this.#report.warn(at, `The lab tracks ${limits.LAB_PAGES} pages; it cannot run this.`);
    }
  }

  #slot(step: StepOf<"slot">, raw: RawStep): void {
    const { id, gpa, hva, size } = step.args;
    const now = { gpa, hva, size };
    for (const name of ["gpa", "hva", "size"] as const) {
      if (now[name] % PAGE_SIZE === 0) continue;
      const at = word(raw, name);
      this.#report.warn(at, `${at.text} is no multiple of 4k: KVM refuses the slot with EINVAL.`);
      return;
    }
    if (gpa + size > 2 ** 52) {
      this.#report.error(word(raw, "gpa"), `Slot ${id} ends beyond gpa 2^52.`);
      return;
    }
    if (this.#isAccepted(id, now, raw)) this.#set(id, now);
  }

  #isAccepted(id: number, now: Slot, raw: RawStep): boolean {
    const old = this.#slots.get(id);
    const at = word(raw, "id");
    if (old && now.size > 0 && (old.size !== now.size || old.hva !== now.hva)) {
      this.#report.warn(at, `Slot ${id} exists with other memory: KVM refuses this with EINVAL.`);
      return false;
    }
    for (const [other, slot] of this.#slots) {
      if (other === id || now.gpa >= slot.gpa + slot.size || slot.gpa >= now.gpa + now.size)
        continue;
      const what = `Slot ${id} overlaps slot ${other} (${span(slot)})`;
      this.#overlap(raw, what);
      return false;
    }
    if (old)
      this.#report.warn(at, `Slot ${id} is defined already: this moves it or changes its flags.`);
    return true;
  }

  /**
   * In setup a slot that KVM refuses makes the description wrong; later it may be what is asked.
   */
  #overlap(raw: RawStep, what: string): void {
    const at = word(raw, "gpa");
    if (!this.#isSetup) this.#report.warn(at, `${what}: KVM refuses it with EEXIST.`);
    else {
      const mend = "Choose another address, or move the line to steps to see KVM refuse it";
      this.#report.error(at, `${what}. ${mend}.`);
    }
  }

  #set(id: number, slot: Slot): void {
    if (slot.size === 0) this.#slots.delete(id);
    else this.#slots.set(id, slot);
  }

  #existingSlot(
    step: StepOf<"slot-del" | "slot-move" | "slot-flags" | "dirty-get" | "dirty-clear">,
    raw: RawStep,
  ): void {
    const { id } = step.args;
    const slot = this.#slots.get(id);
    if (!slot) {
      this.#report.warn(word(raw, "id"), `There is no slot ${id} here: KVM refuses the call.`);
      return;
    }
    if (step.verb === "slot-del") this.#slots.delete(id);
    if (step.verb === "slot-move") this.#slots.set(id, { ...slot, gpa: step.args.gpa });
  }

  /** The agent walks the guest's tables inside slot 0; elsewhere it refuses the line. */
  #entry(step: StepOf<"gpte" | "gpde" | "hpte" | "hpde">, raw: RawStep): void {
    const isDirectory = step.verb === "gpde" || step.verb === "hpde";
    const hasWalk = this.#hasOwnTables || isDirectory || hasTable(step.args.gva);
    if (!hasWalk || joinHalves(step.args.gva.lo, step.args.gva.hi) % 2 ** 48 >= 2 ** 31) {
      const at = word(raw, "gva");
      this.#report.warn(
        at,
        `${at.text} has no guest table in slot 0: the machine refuses the line.`,
      );
    }
    if (isDirectory) this.#hasOwnTables = true;
  }

  #file(step: StepOf<"punch" | "truncate">, raw: RawStep): void {
    const backing =
      step.verb === "truncate"
        ? this.#backings.get(step.args.backing)
        : this.#around(step.args.hva);
    const at = word(raw, step.verb === "truncate" ? "backing" : "hva");
    if (!backing) {
      this.#report.warn(at, `${at.text} lies in no backing: the machine refuses the line.`);
    } else if (!FILE_KINDS.test(backing.kind)) {
      this.#report.warn(at, `${backing.name} is ${backing.kind}: there is no file behind it.`);
    }
  }

  #around(hva: number): Backing | undefined {
    return [...this.#backings.values()].find(
      (each) => hva >= each.hva && hva < each.hva + each.size,
    );
  }
}

/** The guest has level-1 tables for 0 to 2 MiB and for the data window. */
function hasTable(gva: Word): boolean {
  const at = joinHalves(gva.lo, gva.hi);
  return at < 2 ** 21 || (at >= limits.DATA_GVA && at < limits.DATA_GVA + limits.DATA_SIZE);
}

const span = (slot: Slot): string =>
  `0x${slot.gpa.toString(16)}–0x${(slot.gpa + slot.size - 1).toString(16)}`;

/** The word of an argument; the verb's own for one left out. */
function word(raw: RawStep, name: string): Token {
  return raw.args[raw.spec.args.findIndex((arg) => arg.name === name)] ?? raw.verb;
}
