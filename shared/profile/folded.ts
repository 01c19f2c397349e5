// Folded stacks: one line a call path, functions joined by ";", then the weight. Written and read.
// Promises: paths in the order of the tree, weights as integers, no line for a path of weight 0.
// From: the text form of Brendan Gregg's stackcollapse tools.
import type { CallTree } from "./tree.ts";

/** The path of a row from below the root, outermost first. */
export function pathOf(tree: CallTree, row: number): readonly string[] {
  const path: string[] = [];
  for (let at = row; at > 0; at = tree.parent[at] ?? 0) {
    path.push(tree.functions[tree.fn[at] ?? 0] ?? "");
  }
  return path.reverse();
}

/** Names hold no ";": the kernel's and our own never do. */
export function foldedStacks(tree: CallTree): string {
  const lines: string[] = [];
  for (let row = 0; row < tree.parent.length; row++) {
    const self = Math.round(tree.self[row] ?? 0);
    if (self > 0) lines.push(`${["run", ...pathOf(tree, row)].join(";")} ${self}`);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
