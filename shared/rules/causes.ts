// What each cause of a reference change means for the ledger: whose reference it is, and what ends
// it.
// Owns the grouping of causes: only a change of the same group can be another one's pair.
// From: the causes of the page_ref event; who owns a page, races of KVM's page references.
import { PageRefCause } from "#shared/events/own";

/**
 * `lookup`: KVM's own for the length of a lookup or a cache refresh; a put must follow.
 * `access`: KVM's own while it reads or writes the page itself.
 * `pin`: held by another user until it unpins. `owner`: a mapping, a cache, a driver, the
 * allocator.
 */
export type RefGroup = "lookup" | "access" | "pin" | "owner";

export type CauseName = keyof typeof PageRefCause;

const GROUPS: Readonly<Record<CauseName, RefGroup>> = {
  gupFast: "lookup",
  gupSlow: "lookup",
  tryGetPfn: "lookup",
  releaseClean: "lookup",
  releaseDirty: "lookup",
  gupDrop: "lookup",
  earlyRetry: "lookup",
  prefetchGet: "lookup",
  prefetchPut: "lookup",
  pfncache: "lookup",
  hostAccess: "access",
  pin: "pin",
  unpin: "pin",
  allocated: "owner",
  mapped: "owner",
  unmapped: "owner",
  pageCache: "owner",
  fork: "owner",
  copy: "owner",
  migration: "owner",
  swap: "owner",
  ksm: "owner",
  collapse: "owner",
  lruDrain: "owner",
  driver: "owner",
  freed: "owner",
  split: "owner",
  truncated: "owner",
};

const NAMES: readonly CauseName[] = (Object.keys(PageRefCause) as CauseName[]).sort(
  (a, b) => PageRefCause[a] - PageRefCause[b],
);

export function groupOf(code: number): RefGroup {
  const name = NAMES[code];
  return name === undefined ? "owner" : GROUPS[name];
}

/** True for a reference that KVM must give back itself: left over at rest it is a leak. */
export const isKvmsOwn = (group: RefGroup): boolean => group === "lookup" || group === "access";

const SENTENCES: Readonly<Record<CauseName, string>> = {
  allocated: "allocated",
  mapped: "mapped by the host",
  unmapped: "unmapped by the host",
  pageCache: "page cache",
  gupFast: "taken by the fast lookup",
  gupSlow: "taken by the slow lookup",
  tryGetPfn: "taken from the pfn",
  releaseClean: "released, clean",
  releaseDirty: "released, dirty",
  gupDrop: "dropped for a better one",
  earlyRetry: "released, the fault is repeated",
  prefetchGet: "taken by the prefetch",
  prefetchPut: "released by the prefetch",
  pin: "pinned",
  unpin: "unpinned",
  fork: "shared by fork",
  copy: "copy on write",
  migration: "migration",
  swap: "swap",
  ksm: "merged pages",
  collapse: "collapsed to a huge page",
  lruDrain: "LRU batch",
  driver: "driver",
  freed: "freed",
  pfncache: "pfn cache",
  hostAccess: "access by KVM",
  split: "split of a huge page",
  truncated: "file truncated",
};

/** The cause in words for a ledger's row. */
export function causeWords(code: number): string {
  const name = NAMES[code];
  return name === undefined ? `cause ${code}` : SENTENCES[name];
}
