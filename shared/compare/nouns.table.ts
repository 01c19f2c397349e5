// What a page of each kind of memory is called in a sentence: one noun phrase a kind, a second for
// later pages of a block whose first page is another thing than the rest.
// From: the kinds of the scenario language; what remap_pfn_range() and the allocator make of each.
import type { BackingKind } from "#shared/scenario/vocabulary";

export const NOUNS: Readonly<Record<BackingKind, readonly [first: string, later?: string]>> = {
  anon: ["the anonymous page"],
  touched: ["the anonymous page"],
  zero: ["the zero page"],
  thp: ["the huge page"],
  "thp-lazy": ["the huge page"],
  shared: ["the shared page"],
  none: ["the inaccessible page"],
  rdonly: ["the read-only page"],
  hole: ["the hole"],
  memfd: ["the memfd page"],
  "memfd-private": ["the memfd page"],
  hugetlb: ["the hugetlb page"],
  "hugetlb-shared": ["the hugetlb page"],
  "file-shared": ["the file page"],
  "file-shared-ro": ["the file page"],
  "file-private": ["the file page"],
  "file-private-ro": ["the file page"],
  "filefs-shared": ["the file page"],
  "filefs-shared-ro": ["the file page"],
  "filefs-private": ["the file page"],
  "filefs-private-ro": ["the file page"],
  bar: ["the BAR page"],
  "lab-tail": ["the driver's first page", "the tail page"],
  "lab-compound": ["the compound head", "the compound tail"],
  "lab-ref": ["the counted page"],
  "lab-reserved": ["the reserved page"],
  "lab-inserted": ["the inserted page"],
  "lab-fault": ["the driver's page"],
  "lab-faulttail": ["the driver's first page", "the tail page"],
  "lab-faultro": ["the driver's read-only page"],
  "lab-sigbus": ["the driver's page"],
  "lab-huge": ["the driver's huge page"],
};
