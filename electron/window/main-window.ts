// The app's one window, with every wall between page and system up.
// The preload is the built CommonJS file: a sandboxed preload cannot be a module.
// Shown only when painted, on the dark theme's ground, so that no white flash appears.
import { join } from "node:path";
import { BrowserWindow } from "electron";
import { PAGE_ORIGIN } from "./page-protocol.ts";

export function openMainWindow(entryDir: string): BrowserWindow {
  const window = new BrowserWindow({
    width: 1600,
    height: 1000,
    minWidth: 1024,
    minHeight: 640,
    show: false,
    title: "Faultline",
    webPreferences: {
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      webviewTag: false,
      preload: join(entryDir, "..", "preload", "preload.cjs"),
    },
  });
  window.once("ready-to-show", () => window.show());
  void window.loadURL(`${PAGE_ORIGIN}/`);
  return window;
}
