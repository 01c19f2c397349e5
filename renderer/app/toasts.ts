// Short messages at the lower edge, with at most one action ("Undo"). The newest four are kept.
// A message with an action stays ten seconds, one without it five; an error stays until it is
// closed.
import { shallowRef } from "vue";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "note" | "error";
  readonly action: { readonly title: string; readonly run: () => void } | null;
}

const NOTE_MS = 5000;
const ACTION_MS = 10_000;
const KEPT = 4;
let lastId = 0;

export const toasts = shallowRef<readonly Toast[]>([]);

export function showToast(
  text: string,
  options: { kind?: "note" | "error"; action?: Toast["action"] } = {},
): void {
  const toast: Toast = {
    id: ++lastId,
    text,
    kind: options.kind ?? "note",
    action: options.action ?? null,
  };
  toasts.value = [...toasts.value, toast].slice(-KEPT);
  if (toast.kind === "error") return;
  setTimeout(() => closeToast(toast.id), toast.action === null ? NOTE_MS : ACTION_MS);
}

export function closeToast(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}
