// Electron's main process from start to end, in the order that its safety needs.
// Before ready: scheme, sandbox, single instance, guards. After: permissions, page, services,
// self-check, connections, window. At the end: services close before the process does.
import { join } from "node:path";
import { app, BrowserWindow, dialog } from "electron";
import type { Handlers } from "#shared/contract/server";
import type { HostStart } from "../host/start-services.ts";
import { setAppMenu } from "./app-menu.ts";
import { acceptConnections } from "./connect.ts";
import { denyPermissions, guardContents } from "./guards.ts";
import { openMainWindow } from "./main-window.ts";
import { registerPageScheme, servePage } from "./page-protocol.ts";
import { selfCheck } from "./self-check.ts";

interface Services {
  handlers: Handlers;
  close(): Promise<void>;
}
type StartServices = (start: HostStart) => Promise<Services>;

/** The start script takes this exit code as "use the browser host instead". */
const WANTS_BROWSER = 75;
const INTERNAL = 3;

const log = (text: string) => process.stderr.write(`${text}\n`);

export async function runElectron(entryDir: string, startServices: StartServices): Promise<void> {
  registerPageScheme();
  app.enableSandbox();
  if (!app.requestSingleInstanceLock()) return app.quit();
  app.on("second-instance", focusWindow);
  guardContents();
  await app.whenReady();
  denyPermissions();
  servePage(join(entryDir, "..", "renderer"));
  setAppMenu();
  const services = await started(entryDir, startServices);
  if (typeof services === "string") return offerBrowser(services);
  closeBeforeQuit(services);
  const problem = await selfCheck(services.handlers);
  if (problem !== "") {
    await services.close();
    return offerBrowser(problem);
  }
  acceptConnections(services.handlers, log);
  keepWindow(entryDir);
}

async function started(entryDir: string, start: StartServices): Promise<Services | string> {
  try {
    return await start({ kind: "electron", entryDir });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function keepWindow(entryDir: string): void {
  openMainWindow(entryDir);
  app.on("window-all-closed", () => {
    if (process.platform !== "darwin") app.quit();
  });
  app.on("activate", () => {
    if (BrowserWindow.getAllWindows().length === 0) openMainWindow(entryDir);
  });
}

function focusWindow(): void {
  const [window] = BrowserWindow.getAllWindows();
  if (window === undefined) return;
  if (window.isMinimized()) window.restore();
  window.focus();
}

/** The first request to quit waits for the database; the second finds it closed. */
function closeBeforeQuit(services: Services): void {
  let isClosed = false;
  app.on("before-quit", (event) => {
    if (isClosed) return;
    event.preventDefault();
    void services.close().finally(() => {
      isClosed = true;
      app.quit();
    });
  });
}

async function offerBrowser(problem: string): Promise<void> {
  log(problem);
  const canFallBack = process.env["FAULTLINE_FALLBACK"] === "1";
  const { response } = await dialog.showMessageBox({
    type: "error",
    title: "Faultline",
    message: "Faultline cannot run in this window.",
    detail: canFallBack ? `${problem}\n\nThe same app can run in your browser.` : problem,
    buttons: canFallBack ? ["Use the browser", "Quit"] : ["Quit"],
  });
  app.exit(canFallBack && response === 0 ? WANTS_BROWSER : INTERNAL);
}
