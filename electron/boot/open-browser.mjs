// Opens the browser host's address once it is printed: only for a person at a terminal.
// Under CI, in a pipe, or without a display the address is printed and nothing is opened.
// A missing opener is no error: the printed address remains.
import { spawn } from "node:child_process";

const OPENERS = { darwin: "open", linux: "xdg-open" };

/**
 * Passes the host's stdout on, and opens the address of its READY line.
 * @param {import("node:child_process").ChildProcess} child
 */
export function openWhenReady(child) {
  let seen = "";
  child.stdout?.on("data", (chunk) => {
    process.stdout.write(chunk);
    if (seen.length > 10_000) return;
    const before = /^READY (\S+)\n/m.test(seen);
    seen += String(chunk);
    const address = /^READY (\S+)\n/m.exec(seen)?.[1];
    if (!before && address !== undefined && isForPerson()) open(address);
  });
}

function isForPerson() {
  const { CI, DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (CI || !process.stdout.isTTY) return false;
  return process.platform !== "linux" || Boolean(DISPLAY || WAYLAND_DISPLAY);
}

function open(address) {
  const isWindows = process.platform === "win32";
  const command = isWindows ? "explorer.exe" : OPENERS[process.platform];
  if (command === undefined) return;
  const child = spawn(command, [address], { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}
