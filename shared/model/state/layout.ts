// Where the simulated host keeps what: page frame numbers of RAM, of tables, of the device's
// memory. The numbers are this machine's own, chosen once; a real machine's differ from boot to
// boot.
// From: the lab's host (1 CPU, RAM from frame 0, a PCI BAR above it), enlarged so that a 1 GiB
// guest fits.
import type { Pfn } from "#shared/units/address";

/** Most vCPUs of a VM. */
export const VCPUS = 4;

/** Frames that have a struct page. */
export const PAGE_COUNT = 0x90000;
/** First frame of the PCI BAR: memory without struct page. */
export const BAR_PFN = 0xfc000 as Pfn;
export const BAR_PAGES = 16_384;
/** Host page tables and KVM's tables lie above RAM: their frames are numbered by object. */
export const HOST_TABLE_PFN = 0x100000;
export const HOST_TABLES = 2_048;
export const KVM_TABLE_PFN = 0x110000;
export const KVM_TABLES = 4_096;
/** Nodes of the memslots' sparse arrays, and longer rmaps. */
export const SLOT_ARRAYS = 8_192;
export const PTE_LIST_DESCS = 16_384;
/** Files, their pages by 512, pages on the swap device (zram of 32 MiB), pages held by the lab. */
export const FILES = 64;
export const PAGE_CACHE_NODES = 256;
export const SWAP_SLOTS = 8_191;
export const HELD_PAGES = 512;
/** Most pages of one call of move_pages, from each of some threads. */
export const QUEUED_FOLIOS = 4_096;
/** Blocks of whole-page contents, and single words of sparsely written pages. */
export const CONTENT_BLOCKS = 4_096;
export const CONTENT_WORDS = 2 ** 20;

/** End of user space with four levels. */
export const TASK_SIZE = 2 ** 47;

/** pfn_valid(): whether a frame has a struct page. */
export const pfn_valid = (pfn: number): boolean => pfn < PAGE_COUNT;
