// What Electron's main process asks of Electron, against a recording stand-in: walls of the window,
// protocol, permissions, navigation, connection, self-check and its fallback.
// It does not prove that Chromium enforces any of it, nor the preload, nor native modules inside.
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { connectClient } from "#shared/contract/client";
import { CallError } from "#shared/contract/methods";
import type { Handlers } from "#shared/contract/server";
import type { MessagePortMain } from "electron";
import { recorded } from "./electron-stub.ts";
import { portWire } from "./port-wire.ts";
import { runElectron } from "./run-electron.ts";

vi.mock("electron", () => import("./electron-stub.ts"));

const entryDir = join("/", "app", "out", "main");
let closes = 0;
const rows = { rows: [], total: 0, all: 0, libraryBytes: 0, libraryName: "library.db" };
const services = (list: () => Promise<unknown> = async () => rows) => ({
  handlers: { "runs.list": list } as unknown as Handlers,
  close: async () => {
    closes += 1;
  },
});

beforeEach(() => {
  for (const list of [recorded.calls, recorded.windows, recorded.dialogs, recorded.exits]) {
    list.length = 0;
  }
  recorded.opened.length = 0;
  recorded.listeners.clear();
  closes = 0;
  vi.unstubAllEnvs();
});

const start = () => runElectron(entryDir, async () => services());
const value = <T,>(name: string) => recorded.values.get(name) as T;
const listener = (event: string) =>
  recorded.listeners.get(event) as unknown as (...args: unknown[]) => void;

test("scheme, sandbox and guards stand before Electron is ready", async () => {
  await start();
  const ready = recorded.calls.indexOf("ready");
  for (const name of ["schemes", "enableSandbox"]) {
    expect(recorded.calls.indexOf(name)).toBeLessThan(ready);
  }
  expect(recorded.listeners.has("web-contents-created")).toBe(true);
});

test("the window has every wall up and starts at the app's address", async () => {
  await start();
  expect(recorded.windows).toHaveLength(1);
  expect(recorded.windows[0]).toMatchObject({
    address: "app://faultline/",
    options: {
      webPreferences: {
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        webviewTag: false,
        preload: join("/", "app", "out", "preload", "preload.cjs"),
      },
    },
  });
});

test("no permission and no device is granted", async () => {
  await start();
  const decided: boolean[] = [];
  value<(c: null, p: string, decide: (yes: boolean) => void) => void>("permissionRequest")(
    null,
    "media",
    (yes) => decided.push(yes),
  );
  for (const name of ["permissionCheck", "devicePermission"]) {
    decided.push(value<() => boolean>(name)());
  }
  expect(decided).toEqual([false, false, false]);
});

test.each([
  ["app://faultline/", 200],
  ["app://faultline/assets/a.js", 200],
  ["app://elsewhere/", 404],
  ["app://faultline/..%2f..%2fmain/index.js", 404],
])("%s is answered with %i and the policy", async (address, status) => {
  await start();
  const handler = value<(request: { url: string }) => Promise<Response>>("protocol app");
  const answer = await handler({ url: address });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
});

function contents() {
  const own = { listeners: new Map<string, (event: unknown, url?: string) => void>() };
  let decide: (details: { url: string }) => { action: string } = () => ({ action: "none" });
  listener("web-contents-created")(null, {
    on: (event: string, heard: () => void) => own.listeners.set(event, heard),
    setWindowOpenHandler: (handler: typeof decide) => (decide = handler),
  });
  const isStopped = (event: string, url: string) => {
    let stopped = false;
    own.listeners.get(event)?.({ url, preventDefault: () => (stopped = true) });
    return stopped;
  };
  return { isStopped, openWindow: (url: string) => decide({ url }) };
}

test("a page stays in its bundle, embeds nothing and opens no window", async () => {
  await start();
  const { isStopped, openWindow } = contents();
  for (const event of ["will-navigate", "will-redirect"]) {
    expect(isStopped(event, "https://evil.example/")).toBe(true);
    expect(isStopped(event, "app://faultline.evil.example/")).toBe(true);
    expect(isStopped(event, "app://faultline/#/runs")).toBe(false);
  }
  expect(isStopped("will-attach-webview", "")).toBe(true);
  for (const url of ["https://evil.example/", "https://docs.kernel.org/x", "file:///etc/passwd"]) {
    expect(openWindow(url)).toEqual({ action: "deny" });
  }
  expect(recorded.opened).toEqual(["https://docs.kernel.org/x"]);
});

function askForPort(frame: { parent: unknown; origin: string }): MessagePortMain | null {
  let port: MessagePortMain | null = null;
  const postMessage = (_channel: string, _value: null, [sent]: MessagePortMain[]) => {
    port = sent ?? null;
  };
  listener("faultline:connect")({ senderFrame: { ...frame, postMessage } });
  return port;
}

test("the main frame of the app gets a port that carries calls", async () => {
  await start();
  const port = askForPort({ parent: null, origin: "app://faultline" });
  if (port === null) throw new Error("no port came");
  const client = connectClient(portWire(port));
  const input = { q: "", sort: "title", from: 0, count: 1 };
  expect(await client.call("runs.list", input)).toEqual(rows);
  client.close();
});

test.each([
  ["an inner frame", { parent: {}, origin: "app://faultline" }],
  ["another origin", { parent: null, origin: "https://evil.example" }],
])("%s gets no port", async (_name, frame) => {
  await start();
  expect(askForPort(frame)).toBeNull();
});

test("a failed self-check shows the reason, opens no window and ends as our error", async () => {
  const damaged = new CallError("damaged", "The library is damaged.");
  const broken = services(() => Promise.reject(damaged));
  await runElectron(entryDir, async () => broken);
  expect(recorded.windows).toEqual([]);
  expect(recorded.dialogs[0]?.detail).toContain("The library is damaged.");
  expect(recorded.dialogs[0]?.buttons).toEqual(["Quit"]);
  expect([recorded.exits, closes]).toEqual([[3], 1]);
});

test("started by the start script, the browser host is offered by its exit code", async () => {
  vi.stubEnv("FAULTLINE_FALLBACK", "1");
  await runElectron(entryDir, () => Promise.reject(new Error("no worker thread")));
  expect(recorded.dialogs[0]?.detail).toMatch(/^no worker thread\n/);
  expect(recorded.exits).toEqual([75]);
});

test("the database closes before the app quits", async () => {
  await start();
  let prevented = 0;
  const quit = () => listener("before-quit")({ preventDefault: () => prevented++ });
  quit();
  await vi.waitFor(() => expect(recorded.calls).toContain("quit"));
  quit();
  expect([prevented, closes]).toEqual([1, 1]);
});
