// Texts of the entry decoder: bit ranges, and a 64-bit value in other bases. Pure.
// Values are raw hex text; decimal goes through BigInt, which is allowed at this edge.
// From: the entry decoder's rules of the user interface (X changes the base).

export type Base = "hex" | "binary" | "decimal";
export const NEXT_BASE: Readonly<Record<Base, Base>> = {
  hex: "binary",
  binary: "decimal",
  decimal: "hex",
};

/** "51:12", or "11" for a single bit. */
export const bitOf = (field: { readonly from: number; readonly to: number }): string =>
  field.from === field.to ? String(field.from) : `${field.from}:${field.to}`;

/** The value in binary (groups of four, without leading zeros) or in decimal. */
export function baseText(raw: string, base: Base): string {
  if (base === "hex") return raw;
  const value = BigInt(`0x${raw}`);
  if (base === "decimal") return value.toString();
  return `0b${value.toString(2).replace(/\B(?=([01]{4})+$)/g, "_")}`;
}
