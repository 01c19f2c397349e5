// Branded numbers: the compiler refuses a gpa where a gfn is meant, at no cost at
// run time. From: the house's own style; the pattern is common in TypeScript code
// bases.
declare const brand: unique symbol;

/** A value of type T that only its own constructor can make. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
