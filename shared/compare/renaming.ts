// Consistent renaming of one run's frames and table pages to the other's, one to one while both
// live.
// Owns two bijections; a pair is made at first sight and ends when a side's page is freed.
// From: spte.h for which entries hold an address; page_ref and tablePage events for when a page
// ends.
import type { Identity } from "#shared/events/declare";
import { PAGE_SIZE } from "#shared/units/address";
import { frameOf, hasBit, joinHalves, sameWord, type Word } from "#shared/units/halves";

class Bijection {
  private readonly toB = new Map<number, number>();
  private readonly toA = new Map<number, number>();

  match(a: number, b: number): boolean {
    const partner = this.toB.get(a);
    if (partner !== undefined || this.toA.has(b)) return partner === b;
    this.toB.set(a, b);
    this.toA.set(b, a);
    return true;
  }

  endA(a: number): void {
    const b = this.toB.get(a);
    if (b !== undefined) this.toA.delete(b);
    this.toB.delete(a);
  }

  endB(b: number): void {
    const a = this.toA.get(b);
    if (a !== undefined) this.toB.delete(a);
    this.toA.delete(b);
  }
}

const MMU_PRESENT = 11;
const HUGE = 7;
const FLAG_BITS = 0xfff;
const ADDRESS_HI = 0x000fffff;

/** An entry of KVM's tables that holds an address; the host's own entries have only bit 0. */
const isEntry = (word: Word, isHost: boolean): boolean =>
  hasBit(word.lo, word.hi, isHost ? 0 : MMU_PRESENT);
export const isTableEntry = (word: Word, level: number): boolean =>
  level > 1 && !hasBit(word.lo, word.hi, HUGE);
const sameFlags = (a: Word, b: Word): boolean =>
  (a.lo & FLAG_BITS) === (b.lo & FLAG_BITS) && (a.hi & ~ADDRESS_HI) === (b.hi & ~ADDRESS_HI);

/** What the values of a field are, and the level that decides what an entry points to. */
export interface Comparable {
  readonly identity: Identity;
  readonly level: number;
  /** An entry of the host's page tables. */
  readonly isHost: boolean;
}

export class Renaming {
  readonly pages = new Bijection();
  readonly tables = new Bijection();

  /** True when both values are the same thing under the renaming so far. */
  match(a: Word, b: Word, { identity, level, isHost }: Comparable): boolean {
    switch (identity) {
      case "pfn":
        return this.frames(a, b);
      case "leaf":
        return this.entries(a, b, 1, isHost);
      case "entry":
        return this.entries(a, b, level, isHost);
      case "physical":
        return this.physical(a, b);
      case "pointer":
        return true;
    }
  }

  entries(a: Word, b: Word, level: number, isHost: boolean): boolean {
    if (!isEntry(a, isHost) || !isEntry(b, isHost)) return sameWord(a, b);
    if (!sameFlags(a, b)) return false;
    const names = isTableEntry(a, level) ? this.tables : this.pages;
    return names.match(frameOf(a.lo, a.hi), frameOf(b.lo, b.hi));
  }

  /** 0 and values with high bits (no slot, errors) are themselves. */
  private frames(a: Word, b: Word): boolean {
    const isPlain = (word: Word): boolean =>
      word.hi >>> 8 === 0 && (word.lo !== 0 || word.hi !== 0);
    if (!isPlain(a) || !isPlain(b)) return sameWord(a, b);
    return this.pages.match(joinHalves(a.lo, a.hi), joinHalves(b.lo, b.hi));
  }

  private physical(a: Word, b: Word): boolean {
    const [left, right] = [joinHalves(a.lo, a.hi), joinHalves(b.lo, b.hi)];
    if (left % PAGE_SIZE !== right % PAGE_SIZE) return false;
    return this.tables.match(Math.floor(left / PAGE_SIZE), Math.floor(right / PAGE_SIZE));
  }
}
