// The app for an end-to-end test: the built browser host on a library of its own, and a page.
// Promises: nothing of one test reaches another; closing ends browser and host and removes the
// library. Chromium gets no GPU flags: with software GL a frame takes twenty times as long.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

const HOST = resolve(import.meta.dirname, "../../out/main/host.js");
const ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const READY_MS = 30_000;

export interface AppOptions {
  width?: number;
  height?: number;
  /** A library to open instead of a fresh one; it is not removed. */
  library?: string;
}

export interface App {
  page: Page;
  /** Errors and warnings of the console and uncaught exceptions, for "nothing was reported". */
  complaints: string[];
  close(): Promise<void>;
}

/** The browser that the tests run in, with the flags that all of them share. */
export const chromiumProgram = (): { executablePath: string; args: string[] } => ({
  executablePath: process.env["FAULTLINE_CHROMIUM"] ?? "/usr/bin/chromium",
  args: ARGS,
});

/** Starts host and browser and opens the app's first screen. */
export async function openApp(options: AppOptions = {}): Promise<App> {
  const folder = await mkdtemp(join(tmpdir(), "faultline-e2e-"));
  const host = startHost(options.library ?? join(folder, "library.db"));
  let browser: Browser | undefined;
  const close = async () => {
    await browser?.close();
    await stopped(host);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const address = await readyAddress(host);
    browser = await chromium.launch(chromiumProgram());
    const viewport = { width: options.width ?? 1600, height: options.height ?? 1000 };
    const context = await browser.newContext({ viewport });
    const page = await context.newPage();
    const complaints = listenForComplaints(page);
    await page.goto(address);
    return { page, complaints, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function startHost(library: string): ChildProcess {
  const args = ["--enable-source-maps", HOST, "--library", library];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

function readyAddress(host: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    let text = "";
    const timer = setTimeout(() => fail(new Error(`not ready: ${text}`)), READY_MS);
    host.on("exit", (code) => fail(new Error(`the host ended with code ${code}: ${text}`)));
    host.stdout?.on("data", (chunk) => {
      text += String(chunk);
      const address = /^READY (\S+)$/m.exec(text)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      done(address);
    });
  });
}

function stopped(host: ChildProcess): Promise<void> {
  if (host.exitCode !== null || host.signalCode !== null) return Promise.resolve();
  return new Promise((done) => {
    host.once("exit", () => done());
    host.kill("SIGTERM");
  });
}

function listenForComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  return complaints;
}
