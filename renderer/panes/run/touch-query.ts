// The event filter that finds what touches the selected page: by its pfn if it has one, else by
// its gfn. Pure.
// From: the keys O and Shift+O of the run workspace.

export interface Touched {
  readonly gfn: number | null;
  readonly pfn: number | null;
}

export function touchQuery(touched: Touched): string {
  if (touched.pfn !== null) return `pfn:0x${touched.pfn.toString(16)}`;
  return touched.gfn === null ? "" : `gfn:0x${touched.gfn.toString(16)}`;
}
