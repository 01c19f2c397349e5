// Hexadecimal text in and out, in the two forms the house uses: the kernel's (raw) and the screen's
// (grouped).
// From: printk's %llx (no prefix, no padding) and ui rules (0x, groups of four from the right).

/** `%llx`: lower-case, no prefix, no padding, of two int32 halves. */
export function hexOfHalves(lo: number, hi: number): string {
  const low = (lo >>> 0).toString(16);
  const high = hi >>> 0;
  return high === 0 ? low : high.toString(16) + low.padStart(8, "0");
}

/** `%llx` of a number below 2^53. */
export const hexOf = (value: number): string => value.toString(16);

/** The screen's form: `0x1000_1000`. `digits` pads to a fixed width. */
export function groupedHex(raw: string, digits = 0): string {
  const padded = raw.padStart(digits, "0");
  let grouped = "";
  for (let end = padded.length; end > 0; end -= 4) {
    const part = padded.slice(Math.max(0, end - 4), end);
    grouped = grouped === "" ? part : `${part}_${grouped}`;
  }
  return `0x${grouped}`;
}

/** Halves of up to 16 hex digits, without prefix; null when the text is anything else. */
export function halvesOfHex(text: string): { lo: number; hi: number } | null {
  if (!/^[0-9a-fA-F]{1,16}$/.test(text)) return null;
  const padded = text.padStart(16, "0");
  return {
    lo: Number.parseInt(padded.slice(8), 16) | 0,
    hi: Number.parseInt(padded.slice(0, 8), 16) | 0,
  };
}
