// The columns of the list of runs: title, width, sort key and the text of each cell.
// Pure. A head that can be sorted has a sort key that the library knows.
// From: runSummary of the contract.
import type { RunSummary } from "#shared/contract/runs";
import {
  bytes,
  count,
  dateTime,
  titleOfLookup,
  titleOfMode,
  shortId,
} from "../../widgets/format.ts";
import type { Column } from "../../widgets/VirtualTable.vue";

interface RunColumn extends Omit<Column, "sort"> {
  readonly sortKey: string; // "" cannot be sorted
  readonly text: (run: RunSummary) => string;
}

const COLUMNS: readonly RunColumn[] = [
  {
    key: "mark",
    title: "Marked",
    isTitleHidden: true,
    width: "1.75rem",
    sortKey: "",
    text: () => "",
  },
  {
    key: "verdict",
    title: "Verdict",
    width: "9rem",
    sortKey: "verdict",
    text: (run) => run.verdict,
  },
  {
    key: "title",
    title: "Title",
    width: "minmax(10rem, 2fr)",
    sortKey: "title",
    text: (run) => run.title,
  },
  {
    key: "lookup",
    title: "Lookup",
    width: "8rem",
    sortKey: "lookup",
    text: (run) => titleOfLookup(run.lookup),
  },
  { key: "kernel", title: "Kernel", width: "4.5rem", sortKey: "kernel", text: (run) => run.kernel },
  {
    key: "mode",
    title: "Mode",
    width: "7rem",
    sortKey: "mode",
    text: (run) => titleOfMode(run.mode),
  },
  { key: "origin", title: "Origin", width: "4rem", sortKey: "origin", text: (run) => run.origin },
  {
    key: "events",
    title: "Events",
    width: "6rem",
    align: "end",
    sortKey: "events",
    text: (run) => count(run.events),
  },
  {
    key: "size",
    title: "Size",
    width: "6rem",
    align: "end",
    sortKey: "size",
    text: (run) => bytes(run.bytes),
  },
  {
    key: "when",
    title: "When",
    width: "9rem",
    sortKey: "when",
    text: (run) => dateTime(run.createdAt),
  },
  { key: "id", title: "Run", width: "4.5rem", sortKey: "id", text: (run) => shortId(run.id) },
  {
    key: "tags",
    title: "Tags",
    width: "minmax(4rem, 1fr)",
    sortKey: "",
    text: (run) => run.tags.join(", "),
  },
  { key: "pin", title: "Pin", width: "2.25rem", sortKey: "pinned", text: () => "" },
];

/** Columns for the grid; `sort` is a column key, "-" before it for descending. */
export function gridColumns(sort: string): Column[] {
  const key = sort.replace(/^-/, "");
  const order = sort.startsWith("-") ? "descending" : "ascending";
  return COLUMNS.map(({ sortKey, key: name, title, width, align, isTitleHidden = false }) => ({
    key: name,
    title,
    width,
    isTitleHidden,
    ...(align === undefined ? {} : { align }),
    ...(sortKey === "" ? {} : { sort: sortKey === key ? order : "none" }),
  }));
}

/** The next order when a head is pressed: ascending, descending, newest first again. */
export function nextSort(sort: string, columnKey: string): string {
  const key = COLUMNS.find((column) => column.key === columnKey)?.sortKey ?? "";
  if (key === "") return sort;
  if (sort === key) return `-${key}`;
  return sort === `-${key}` && key !== "when" ? "-when" : key;
}

export const cellText = (run: RunSummary, key: string): string =>
  COLUMNS.find((column) => column.key === key)?.text(run) ?? "";

/** How a row is heard. */
export const rowName = (run: RunSummary): string =>
  [
    `${run.verdict}: ${run.title}`,
    titleOfLookup(run.lookup),
    `Linux ${run.kernel}`,
    titleOfMode(run.mode),
    `${count(run.events)} events`,
    ...(run.pinned ? ["pinned"] : []),
    ...(run.state === "complete" ? [] : [run.state]),
  ].join(", ");
