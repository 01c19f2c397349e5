// Words that take and release a lock and record it: the lock lanes of a timeline are these events.
// Owns no lock. Labels are those of the races document where it has one.
// From: the places where the kernel takes mmap_lock and mmu_lock.
import { lock, unlock, type Lock, type LockMode } from "#shared/engine/locks";
import type { ActWord, UntilWord } from "#shared/engine/words";
import { LockMode as ModeCode } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import type { Kvm } from "../state/machine.ts";

/** Waits for the lock and takes it; `code` is its LockCode. */
export function takeLock(
  m: Kvm,
  label: string,
  held: () => Lock,
  mode: LockMode,
  code: number,
): UntilWord {
  const word = lock(label, held, mode);
  return {
    ...word,
    effect: () => {
      held().take(mode);
      m.emit(EventId.lockTaken, code, ModeCode[mode]);
    },
  };
}

export function releaseLock(
  m: Kvm,
  label: string,
  held: () => Lock,
  mode: LockMode,
  code: number,
): ActWord {
  const word = unlock(label, held);
  return {
    ...word,
    effect: () => {
      held().release();
      m.emit(EventId.lockReleased, code, ModeCode[mode]);
    },
  };
}
