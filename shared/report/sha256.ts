// SHA-256 of an ASCII text, in base64: the form in which a content security policy names an inline
// script.
// Pure arithmetic on 32-bit words; checked against the published test values.
// From: FIPS 180-4.

const FIRST = 64;

/** Fractions of the roots of the first primes, as the standard defines its constants. */
function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++)
    if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}
const fraction = (value: number): number => Math.floor((value - Math.floor(value)) * 2 ** 32) | 0;
const ROUND = Int32Array.from(primes(FIRST), (prime) => fraction(Math.cbrt(prime)));
const START = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)));

const turn = (value: number, by: number): number => (value >>> by) | (value << (32 - by));

function padded(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((text.length + 9) / 64) * 64);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  bytes[text.length] = 0x80;
  new DataView(bytes.buffer).setUint32(bytes.length - 4, text.length * 8);
  return bytes;
}

function block(state: Int32Array, words: Int32Array): void {
  const at = (i: number): number => words[i] ?? 0;
  for (let i = 16; i < FIRST; i++) {
    const [w15, w2] = [at(i - 15), at(i - 2)];
    const low = turn(w15, 7) ^ turn(w15, 18) ^ (w15 >>> 3);
    const high = turn(w2, 17) ^ turn(w2, 19) ^ (w2 >>> 10);
    words[i] = at(i - 16) + low + at(i - 7) + high;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < FIRST; i++) {
    const one = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
    const choice = (e & f) ^ (~e & g);
    const first = (h + one + choice + (ROUND[i] ?? 0) + at(i)) | 0;
    const zero = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
    const second = (zero + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => {
    state[i] = (state[i] ?? 0) + value;
  });
}

export function sha256(text: string): Uint8Array {
  const bytes = new DataView(padded(text).buffer);
  const state = START.slice();
  for (let at = 0; at < bytes.byteLength; at += 64) {
    const words = new Int32Array(FIRST);
    for (let i = 0; i < 16; i++) words[i] = bytes.getInt32(at + 4 * i);
    block(state, words);
  }
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => digest.setInt32(4 * i, word));
  return new Uint8Array(digest.buffer);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(i, i + 3);
    const group = (a << 16) | (b << 8) | c;
    const left = bytes.length - i;
    for (let part = 0; part < 4; part++) {
      text += part > left ? "=" : ALPHABET.charAt((group >>> (18 - 6 * part)) & 63);
    }
  }
  return text;
}

/** `sha256-…` of a script, for `script-src`. */
export const scriptHash = (script: string): string => `sha256-${base64(sha256(script))}`;
