// Code that no one wrote for the guest: what its first instruction reads, for gexec at a page of
// zeroes or of a repeated byte. All registers but the stack pointer are zero then, so such an
// instruction reads next to address 0, where the lab's guest maps nothing: the guest gets a #PF.
// From: the AMD manual's opcode map; the emulated CPU reads before it writes.

/** Bytes that an instruction reads, and from where: `hi` is the sign of `lo`. */
export interface ForeignRead {
  readonly lo: number;
  readonly hi: number;
  readonly size: number;
}

/** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP with a ModRM byte: four of each eight opcodes. */
const isArithmetic = (opcode: number): boolean => opcode < 0x40 && (opcode & 7) < 4;

/** One byte: CMC, CLC, STC, CLD, STD, CBW, CWD. */
const BARE: readonly number[] = [0xf5, 0xf8, 0xf9, 0xfc, 0xfd, 0x98, 0x99];
/** CMP and TEST of AL with the next byte. */
const COMPARES_AL: readonly number[] = [0x3c, 0xa8];
const JMP = 0xeb;
const isJump = (opcode: number): boolean => (opcode & 0xf0) === 0x70 || opcode === JMP;

/**
 * Length of an instruction that changes no more than flags where the registers are zero: a jump to
 * the next one does so taken or not. 0 for any other.
 */
export function idleLength(bytes: number): number {
  const opcode = bytes & 0xff;
  if (BARE.includes(opcode)) return 1;
  if (COMPARES_AL.includes(opcode)) return 2;
  return isJump(opcode) && (bytes & 0xff00) === 0 ? 2 : 0;
}

/** What the instruction reads first; null for one that is not known here. */
export function foreignRead(bytes: number): ForeignRead | null {
  const opcode = bytes & 0xff;
  const mod = (bytes >>> 14) & 3;
  const rm = (bytes >>> 8) & 7;
  const hasNoPlainBase = rm === 4 || (rm === 5 && mod === 0);
  if (!isArithmetic(opcode) || mod > 1 || hasNoPlainBase) return null;
  const lo = mod === 1 ? (bytes << 8) >> 24 : 0;
  return { lo, hi: lo >> 31, size: (opcode & 1) === 0 ? 1 : 4 };
}
