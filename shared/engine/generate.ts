// Code made at start-up, where the platform allows it: span wrappers and accessor classes, each
// with its own code. Shared closures would see many shapes and lose their inlining; where
// generation is forbidden they are used all the same, with equal results. Only names that pass
// isName() and numbers ever enter the text.

const NAME = /^[A-Za-z_$][A-Za-z0-9_$]{0,62}$/;

/** True for text that may stand as an identifier in generated code. */
export const isName = (text: string): boolean => NAME.test(text);

/** Runs `body` with the parameters named; null where the platform forbids generated code. */
export function generate(parameters: Readonly<Record<string, unknown>>, body: string): unknown {
  try {
    // oxlint-disable-next-line no-new-func -- the one door to generated code
    const make = new Function(...Object.keys(parameters), `"use strict";${body}`);
    return make(...Object.values(parameters)) as unknown;
  } catch {
    return null;
  }
}
