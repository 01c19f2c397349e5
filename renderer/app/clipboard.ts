// Copying text and saving text as a file, without any permission and without leaving the page.
// The clipboard interface may be refused (no focus, an old browser); then a hidden field is copied
// instead.
import { showToast } from "./toasts.ts";

export async function copyText(text: string, what: string): Promise<void> {
  const isCopied = await writeClipboard(text);
  if (isCopied) showToast(`${what} copied.`);
  else
    showToast(`${what} could not be copied: the browser refused. Select the text and copy it.`, {
      kind: "error",
    });
}

async function writeClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyThroughField(text);
  }
}

function copyThroughField(text: string): boolean {
  const field = document.createElement("textarea");
  const focused = document.activeElement;
  field.value = text;
  field.style.position = "fixed";
  field.style.opacity = "0";
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}

export function saveFile(name: string, content: string, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
