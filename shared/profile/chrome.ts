// Chrome's trace event JSON: one complete event a frame, for trace viewers that read no other form.
// Promises microseconds as the format asks; other weights than time are shown one to one.
// From: the published trace event format ("X" events).
import type { CallTree } from "./tree.ts";

export function chromeTraceJson(tree: CallTree, options: { name: string; unit: string }): string {
  const scale = options.unit === "ns" ? 1_000 : 1;
  const events: object[] = [
    {
      ph: "M",
      pid: 1,
      tid: 1,
      name: "process_name",
      args: { name: options.name },
    },
  ];
  for (let row = 1; row < tree.parent.length; row++) {
    const fn = tree.fn[row] ?? 0;
    events.push({
      ph: "X",
      pid: 1,
      tid: 1,
      name: tree.functions[fn] ?? "",
      cat: tree.families[fn] ?? "",
      ts: (tree.start[row] ?? 0) / scale,
      dur: (tree.total[row] ?? 0) / scale,
      args: { file: tree.files[fn] ?? "", calls: tree.count[row] ?? 0 },
    });
  }
  return `${JSON.stringify({
    displayTimeUnit: "ns",
    otherData: { title: options.name, unit: options.unit, estimated: options.unit === "ns" },
    traceEvents: events,
  })}\n`;
}
