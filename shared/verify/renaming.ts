// Consistent renaming: the pages and tables of one trace against those of the other, one to one.
// Owns two bijections, page frames and table pages; a pair is made at first sight and ends when the
// page is freed. Values that are no address (non-present, frozen, MMIO) are never renamed.
// From: the traces' rules of comparison; spte.h for which entries hold an address.
import { frameOf, hasBit, joinHalves } from "#shared/units/halves";
import { PAGE_SIZE } from "#shared/units/address";
import type { Identity } from "#shared/events/declare";

/** Pages of the largest folio, whose head alone is told when it goes. */
const FOLIO = 512;

/** Pairs that were seen; a number has one partner on the other side at a time. */
class Bijection {
  readonly #ours = new Map<number, number>();
  readonly #real = new Map<number, number>();

  /** True when the two are partners, or both were free and are so now. */
  match(real: number, ours: number): boolean {
    const partner = this.#ours.get(real);
    if (partner !== undefined || this.#real.has(ours)) return partner === ours;
    this.#ours.set(real, ours);
    this.#real.set(ours, real);
    return true;
  }

  realOf(ours: number): number | undefined {
    return this.#real.get(ours);
  }

  /** True when one of the two has another partner: they are not, or no longer, the same thing. */
  isApart(real: number, ours: number): boolean {
    const partner = this.#ours.get(real);
    const back = this.#real.get(ours);
    return (partner !== undefined && partner !== ours) || (back !== undefined && back !== real);
  }

  endReal(real: number): void {
    const partner = this.#ours.get(real);
    if (partner !== undefined) this.#real.delete(partner);
    this.#ours.delete(real);
  }

  /** The same of the pages behind a head, where they lie behind its partner in the same order. */
  endFolio(ours: number): void {
    const partner = this.#real.get(ours);
    if (partner === undefined || ours % FOLIO !== 0 || partner % FOLIO !== 0) return;
    for (let n = 1; n < FOLIO; n++)
      if (this.#real.get(ours + n) === partner + n) this.endOurs(ours + n);
  }

  endOurs(ours: number): void {
    const partner = this.#real.get(ours);
    if (partner !== undefined) this.#ours.delete(partner);
    this.#real.delete(ours);
  }
}

export interface Value {
  readonly lo: number;
  readonly hi: number;
}

const MMU_PRESENT = 11;
const HUGE = 7;
const ADDRESS_HI = 0x000fffff;
/** Kernel addresses of physical memory without KASLR: page_offset_base. */
const DIRECT_MAP_HI = 0xffff8880;

const same = (a: Value, b: Value): boolean => a.lo === b.lo && a.hi === b.hi;
const isEntry = (v: Value): boolean =>
  hasBit(v.lo, v.hi, 0) && (hasBit(v.lo, v.hi, MMU_PRESENT) || hasBit(v.lo, v.hi, 60));
const isTable = (v: Value, level: number): boolean => level > 1 && !hasBit(v.lo, v.hi, HUGE);
const sameBits = (a: Value, b: Value): boolean =>
  (a.lo & 0xfff) === (b.lo & 0xfff) && (a.hi & ~ADDRESS_HI) === (b.hi & ~ADDRESS_HI);

export class Renaming {
  readonly #pages = new Bijection();
  readonly #tables = new Bijection();

  /** True when two values of a field are the same thing; `level` tells what an entry points to. */
  match(identity: Identity | undefined, real: Value, ours: Value, level: number): boolean {
    switch (identity) {
      case undefined:
        return same(real, ours);
      case "pfn":
        return this.matchFrame(real, ours);
      case "leaf":
        return this.#matchEntry(real, ours, 1);
      case "entry":
        return this.#matchEntry(real, ours, level);
      case "physical":
        return this.#matchPhysical(real, ours);
      case "pointer":
        return this.#matchPointer(real, ours);
    }
  }

  /** Page frames; 0 and the values with high bits (no slot, errors) are themselves. */
  matchFrame(real: Value, ours: Value): boolean {
    const isPlain = (v: Value): boolean => v.hi >>> 8 === 0 && (v.lo !== 0 || v.hi !== 0);
    if (!isPlain(real) || !isPlain(ours)) return same(real, ours);
    return this.#pages.match(joinHalves(real.lo, real.hi), joinHalves(ours.lo, ours.hi));
  }

  endRealPage(pfn: number): void {
    this.#pages.endReal(pfn);
  }

  endOurPage(pfn: number): void {
    this.#pages.endFolio(pfn);
    this.#pages.endOurs(pfn);
  }

  endOurTable(pfn: number): void {
    this.#tables.endOurs(pfn);
  }

  /** The real page a frame of ours stands for, if any. */
  realPage(ourPfn: number): number | undefined {
    return this.#pages.realOf(ourPfn);
  }

  /** True when a frame of the pair now is another page: it was freed and came back. */
  isReused(realPfn: number, ourPfn: number): boolean {
    return this.#pages.isApart(realPfn, ourPfn);
  }

  #matchEntry(real: Value, ours: Value, level: number): boolean {
    if (!isEntry(real) || !isEntry(ours)) return same(real, ours);
    if (!sameBits(real, ours)) return false;
    const names = isTable(real, level) ? this.#tables : this.#pages;
    return names.match(frameOf(real.lo, real.hi), frameOf(ours.lo, ours.hi));
  }

  #matchPhysical(real: Value, ours: Value): boolean {
    const a = joinHalves(real.lo, real.hi);
    const b = joinHalves(ours.lo, ours.hi);
    if (a % PAGE_SIZE !== b % PAGE_SIZE) return false;
    return this.#tables.match(Math.floor(a / PAGE_SIZE), Math.floor(b / PAGE_SIZE));
  }

  /** Raw pointers are addresses of the direct map; hashed ones say nothing. */
  #matchPointer(real: Value, ours: Value): boolean {
    const isHashed = real.hi === 0 || ours.hi === 0;
    if (isHashed) return true;
    const physical = (v: Value): Value => ({ lo: v.lo, hi: (v.hi >>> 0) - DIRECT_MAP_HI });
    return this.#matchPhysical(physical(real), physical(ours));
  }
}
