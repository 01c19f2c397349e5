// What is in a page: 512 words of 8 bytes. Pages written in few places keep a short list of words,
// others a block; a list may say what all other words are. Owns the storage; a page never written
// reads as zero and costs nothing. Frames without struct page (the BAR) work alike.
// MODEL: contents are kept for 8-byte words; a narrower write merges into its word, as a
// little-endian machine does.
import { KIND, type Kvm } from "../state/machine.ts";
import { BAR_PAGES, BAR_PFN } from "../state/layout.ts";
import { CONTENTS_OFFSET, PAGE_CELLS } from "../state/host.ts";

/** Longest list of single words; one more makes a block of the page. */
const LIST_MAX = 8;

const NEXT = 0;
const INDEX = 1;
const LO = 2;
const HI = 3;
/** Index of the word of a list that stands for all that are not in it. */
const FILL = -1;

function handleCell(m: Kvm, pfn: number): number {
  const bar = pfn - BAR_PFN;
  return bar >= 0 && bar < BAR_PAGES
    ? m.barPages + bar
    : m.pages + pfn * PAGE_CELLS + CONTENTS_OFFSET;
}

/** Cell of the low half of a word in a list; 0 when the list has no such word. */
function findWord(m: Kvm, handle: number, index: number): number {
  let at = -handle;
  while (at !== 0 && m.mem[at + INDEX] !== index) at = m.mem[at + NEXT] as number;
  return at === 0 ? 0 : at + LO;
}

/** Cell of the low half of word `index`; 0 when the page has none there, which reads as zero. */
export function wordCell(m: Kvm, pfn: number, index: number): number {
  const handle = m.mem[handleCell(m, pfn)] as number;
  if (handle > 0) return handle + index * 2;
  if (handle === 0) return 0;
  const own = findWord(m, handle, index);
  return own !== 0 ? own : findWord(m, handle, FILL);
}

/** The same of a word of its own, never the filling. */
function ownWordCell(m: Kvm, pfn: number, index: number): number {
  const handle = m.mem[handleCell(m, pfn)] as number;
  if (handle > 0) return handle + index * 2;
  return handle === 0 ? 0 : findWord(m, handle, index);
}

/** Halves of a word; 0 when it was never written. */
export const readLow = (m: Kvm, pfn: number, index: number): number =>
  m.mem[wordCell(m, pfn, index)] as number;
export function readHigh(m: Kvm, pfn: number, index: number): number {
  const cell = wordCell(m, pfn, index);
  return cell === 0 ? 0 : (m.mem[cell + 1] as number);
}

export function writeWord(m: Kvm, pfn: number, index: number, lo: number, hi: number): void {
  const cell = ownWordCell(m, pfn, index);
  if (cell === 0 && lo === 0 && hi === 0 && wordCell(m, pfn, index) === 0) return;
  const at = cell === 0 ? newWord(m, pfn, index) : cell;
  m.put(at, lo);
  m.put(at + 1, hi);
}

function newWord(m: Kvm, pfn: number, index: number): number {
  const at = handleCell(m, pfn);
  const handle = m.mem[at] as number;
  let length = 0;
  for (let word = -handle; word !== 0; word = m.mem[word + NEXT] as number) length++;
  if (length >= LIST_MAX) return toBlock(m, at) + index * 2;
  const cell = m.alloc(KIND.word);
  m.put(cell + NEXT, -handle);
  m.put(cell + INDEX, index);
  m.put(at, -cell);
  return cell + LO;
}

/** Turns a page's list into a block and gives the block's cell. */
function toBlock(m: Kvm, at: number): number {
  const block = m.alloc(KIND.block);
  const handle = m.mem[at] as number;
  const fill = findWord(m, handle, FILL);
  for (let to = block as number; fill !== 0 && to < block + 1024; to += 2) {
    m.put(to, m.mem[fill] as number);
    m.put(to + 1, m.mem[fill + 1] as number);
  }
  let word = -handle;
  while (word !== 0) {
    const next = m.mem[word + NEXT] as number;
    const index = m.mem[word + INDEX] as number;
    if (index !== FILL) {
      m.put(block + index * 2, m.mem[word + LO] as number);
      m.put(block + index * 2 + 1, m.mem[word + HI] as number);
    }
    m.free(word as ReturnType<Kvm["alloc"]>, KIND.word);
    word = next;
  }
  m.put(at, block);
  return block;
}

/** Forgets what a page holds. */
export function dropContents(m: Kvm, pfn: number): void {
  const at = handleCell(m, pfn);
  dropHandle(m, m.mem[at] as number);
  m.put(at, 0);
}

/** Frees what a handle leads to. */
export function dropHandle(m: Kvm, handle: number): void {
  if (handle > 0) m.free(handle as ReturnType<Kvm["alloc"]>, KIND.block);
  for (let word = handle < 0 ? -handle : 0; word !== 0;) {
    const next = m.mem[word + NEXT] as number;
    m.free(word as ReturnType<Kvm["alloc"]>, KIND.word);
    word = next;
  }
}

/** Takes what a page holds out of it, for another page or a slot of the swap device. */
export function takeContents(m: Kvm, pfn: number): number {
  const at = handleCell(m, pfn);
  const handle = m.mem[at] as number;
  m.put(at, 0);
  return handle;
}

/** The other way round: the page held nothing. */
export const giveContents = (m: Kvm, pfn: number, handle: number): void =>
  m.put(handleCell(m, pfn), handle);

/** Every word of the page becomes this one. */
export function fillContents(m: Kvm, pfn: number, lo: number, hi: number): void {
  dropContents(m, pfn);
  if (lo === 0 && hi === 0) return;
  const word = m.alloc(KIND.word);
  m.put(word + INDEX, FILL);
  m.put(word + LO, lo);
  m.put(word + HI, hi);
  m.put(handleCell(m, pfn), -word);
}

/** A copy of what a handle leads to. */
export function copyHandle(m: Kvm, handle: number): number {
  if (handle > 0) {
    const block = m.alloc(KIND.block);
    for (let cell = 0; cell < 1024; cell++) m.put(block + cell, m.mem[handle + cell] as number);
    return block;
  }
  let first = 0;
  let last = 0;
  for (let word = -handle; word !== 0; word = m.mem[word + NEXT] as number) {
    const copy = m.alloc(KIND.word);
    for (const part of [INDEX, LO, HI]) m.put(copy + part, m.mem[word + part] as number);
    if (last === 0) first = copy;
    else m.put(last + NEXT, copy);
    last = copy;
  }
  return first === 0 ? 0 : -first;
}

/** Makes page `to` a copy of page `from`. */
export function copyContents(m: Kvm, to: number, from: number): void {
  dropContents(m, to);
  m.put(handleCell(m, to), copyHandle(m, m.mem[handleCell(m, from)] as number));
}

/** Whether two pages hold the same. */
export function sameContents(m: Kvm, a: number, b: number): boolean {
  for (let index = 0; index < 512; index++) {
    if (readLow(m, a, index) !== readLow(m, b, index)) return false;
    if (readHigh(m, a, index) !== readHigh(m, b, index)) return false;
  }
  return true;
}

/** Whether every word of the page is zero. */
export function isZeroFilled(m: Kvm, pfn: number): boolean {
  if (m.mem[handleCell(m, pfn)] === 0) return true;
  for (let index = 0; index < 512; index++)
    if (readLow(m, pfn, index) !== 0 || readHigh(m, pfn, index) !== 0) return false;
  return true;
}

const byteAt = (m: Kvm, pfn: number, offset: number): number =>
  ((offset & 4) === 0 ? readLow(m, pfn, offset >> 3) : readHigh(m, pfn, offset >> 3)) >>>
  ((offset & 3) * 8);

/** Joins up to four bytes of a page, the first one lowest. */
function joinBytes(m: Kvm, pfn: number, offset: number, count: number): number {
  let joined = 0;
  for (let i = 0; i < count; i++) joined |= (byteAt(m, pfn, offset + i) & 0xff) << (8 * i);
  return joined;
}

/** The low four bytes of `size` (1, 2, 4 or 8) at a byte offset of one page, with sign. */
export const loadLow = (m: Kvm, pfn: number, offset: number, size: number): number =>
  size === 8 && (offset & 7) === 0
    ? readLow(m, pfn, offset >> 3)
    : joinBytes(m, pfn, offset, Math.min(size, 4));

/** The high four bytes of eight at a byte offset of one page, with sign. */
export const loadHigh = (m: Kvm, pfn: number, offset: number): number =>
  (offset & 7) === 0 ? readHigh(m, pfn, offset >> 3) : joinBytes(m, pfn, offset + 4, 4);

/** Writes `size` bytes (1, 2, 4 or 8) at a byte offset of one page; `lo` and `hi` are halves. */
export function store(
  m: Kvm,
  pfn: number,
  offset: number,
  size: number,
  lo: number,
  hi: number,
): void {
  if (size === 8 && (offset & 7) === 0) writeWord(m, pfn, offset >> 3, lo, hi);
  else
    for (let i = 0; i < size; i++)
      storeByte(m, pfn, offset + i, (i < 4 ? lo : hi) >>> (8 * (i & 3)));
}

function storeByte(m: Kvm, pfn: number, offset: number, value: number): void {
  const index = offset >> 3;
  const shift = (offset & 3) * 8;
  const merge = (old: number): number => (old & ~(0xff << shift)) | ((value & 0xff) << shift);
  const lo = readLow(m, pfn, index);
  const hi = readHigh(m, pfn, index);
  if ((offset & 4) === 0) writeWord(m, pfn, index, merge(lo), hi);
  else writeWord(m, pfn, index, lo, merge(hi));
}
