// The guest of the lab: what lies where in its first 64 KiB, and its start registers.
// Builder only: the VMM writes these pages before the VM's first entry.
// From: the lab's README (guest layout) and agent (guest_memory, the stubs).
import { store } from "../host/contents.ts";
import { presentPte, ptePfn } from "../host/pgtable.ts";
import type { Kvm } from "../state/machine.ts";

/** Host address and size of slot 0. */
export const SYS_HVA = 0x7d0000000000;
export const SYS_SIZE = 0x10000;
export const CODE_GPA = 0x1000;
export const SYSTEM_GPA = 0x2000;
export const USER_CODE_GVA = 0x11000;
export const STACK_TOP = SYSTEM_GPA + 0xff0;
export const PML4_GPA = 0x3000;
export const DATA_GPA = 0x10000000;
/** Level-1 tables of the data window: 8, each 2 MiB. */
const WINDOW_TABLES = 8;

export const CR0 = 0x80010033 | 0;
export const CR4 = 0x20;
export const EFER = 0xd00;

/** Offsets of the stubs in the code page, by what they do. */
export const STUB = {
  read: { 1: 0x00, 2: 0x10, 4: 0x20, 8: 0x30 },
  write: { 1: 0x40, 2: 0x50, 4: 0x60, 8: 0x70 },
  invlpg: 0x80,
  cr3: 0x90,
  xadd: 0xa0,
  touchRead: 0xb0,
  touchWrite: 0xd0,
  pageFault: 0x100,
} as const;

const P = 1;
const W = 2;
const U = 4;
const A = 0x20;
const D = 0x40;
const DIRECTORY = P | W | U | A;

/** Writes 8 bytes of slot 0 as the VMM's own store does, by host address. */
export function writeSystem(m: Kvm, gpa: number, lo: number, hi: number): void {
  const pfn = ptePfn(m, presentPte(m, SYS_HVA + gpa));
  store(m, pfn, gpa % 4096, 8, lo, hi);
}

function writeTables(m: Kvm): void {
  const entry = (table: number, index: number, value: number): void =>
    writeSystem(m, table + index * 8, value, 0);
  entry(PML4_GPA, 0, 0x4000 | DIRECTORY);
  entry(0x4000, 0, 0x5000 | DIRECTORY);
  entry(0x4000, 1, 0x7000 | DIRECTORY);
  entry(0x5000, 0, 0x6000 | DIRECTORY);
  entry(0x6000, 1, CODE_GPA | P | A);
  entry(0x6000, 0x11, CODE_GPA | P | U | A);
  for (let i = 2; i < 16; i++) entry(0x6000, i, (i * 4096) | P | W | A | D);
  for (let table = 0; table < WINDOW_TABLES; table++) {
    entry(0x7000, table, (0x8000 + table * 4096) | DIRECTORY);
    for (let i = 0; i < 512; i++) {
      entry(0x8000 + table * 4096, i, (DATA_GPA + (table * 512 + i) * 4096) | P | W | U | A | D);
    }
  }
}

/**
 * Descriptors and gates are read by the CPU only when an exception is taken; their values are not
 * modelled.
 */
export function writeGuest(m: Kvm): void {
  writeTables(m);
}

/** Registers of a vCPU as KVM_SET_SREGS leaves them before its first run. */
export function resetVcpu(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  vcpu.created = 1;
  vcpu.cr0 = CR0;
  vcpu.cr3 = PML4_GPA;
  vcpu.cr4 = CR4;
  vcpu.efer = EFER;
  m.kvm.online_vcpus += 1;
}
