// speedscope's own file format: one evented profile a thread's merged or timed call tree.
// Promises valid JSON in the "evented" form: opens and closes are nested and in order of time.
// From: the published schema of speedscope's file format.
import type { CallTree } from "./tree.ts";

interface FrameEvent {
  readonly type: "O" | "C";
  readonly frame: number;
  readonly at: number;
}

/** Opens and closes of all frames, in the order of the axis. */
export function frameEvents(tree: CallTree): readonly FrameEvent[] {
  const events: FrameEvent[] = [];
  const open: number[] = [];
  const endOf = (row: number): number => (tree.start[row] ?? 0) + (tree.total[row] ?? 0);
  const closeDownTo = (row: number): void => {
    while (open.length > 0 && open.at(-1) !== row) {
      const last = open.pop() ?? 0;
      events.push({ type: "C", frame: tree.fn[last] ?? 0, at: endOf(last) });
    }
  };
  for (const row of depthFirst(tree)) {
    closeDownTo(tree.parent[row] ?? 0);
    open.push(row);
    events.push({ type: "O", frame: tree.fn[row] ?? 0, at: tree.start[row] ?? 0 });
  }
  closeDownTo(-1);
  return events;
}

/** Rows below the root, each parent before its children, siblings in order. */
function depthFirst(tree: CallTree): readonly number[] {
  const { length } = tree.parent;
  const first = new Int32Array(length).fill(-1);
  const next = new Int32Array(length).fill(-1);
  for (let row = length - 1; row > 0; row--) {
    const parent = tree.parent[row] ?? 0;
    next[row] = first[parent] ?? -1;
    first[parent] = row;
  }
  const order: number[] = [];
  const stack = [first[0] ?? -1];
  while (stack.length > 0) {
    const row = stack.pop() ?? -1;
    if (row < 0) continue;
    order.push(row);
    stack.push(next[row] ?? -1, first[row] ?? -1);
  }
  return order;
}

const UNITS: Readonly<Record<string, string>> = { ns: "nanoseconds" };

export function speedscopeJson(tree: CallTree, options: { name: string; unit: string }): string {
  return `${JSON.stringify({
    $schema: "https://www.speedscope.app/file-format-schema.json",
    exporter: "faultline",
    name: options.name,
    activeProfileIndex: 0,
    shared: {
      frames: tree.functions.map((name, i) => ({ name, ...fileOf(tree.files[i]) })),
    },
    profiles: [
      {
        type: "evented",
        name: options.name,
        unit: UNITS[options.unit] ?? "none",
        startValue: 0,
        endValue: tree.total[0] ?? 0,
        events: frameEvents(tree),
      },
    ],
  })}\n`;
}

const fileOf = (file: string | undefined): { file?: string } =>
  file === undefined || file === "" ? {} : { file };
