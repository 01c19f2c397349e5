// A stand-in for the electron module under plain Node: it records what the main process asks for.
// It proves our calls and handlers only; that Chromium enforces them, no test here can show.
// Used by vi.mock("electron"); never imported by the app.
import { MessageChannel, type MessagePort } from "node:worker_threads";

type Listener = (...args: never[]) => unknown;

/** Everything that was set, by name; `listeners` has one entry an event. */
export const recorded = {
  calls: [] as string[],
  values: new Map<string, unknown>(),
  listeners: new Map<string, Listener>(),
  windows: [] as { options: unknown; address: string }[],
  dialogs: [] as { message: string; detail: string; buttons: string[] }[],
  exits: [] as number[],
  opened: [] as string[],
  /** The button that a user presses in the next dialog. */
  answer: 0,
};

const note = (name: string) => recorded.calls.push(name);
const on = (event: string, listener: Listener) => recorded.listeners.set(event, listener);
const keep = (name: string) => (value: unknown) => {
  note(name);
  recorded.values.set(name, value);
};

export const app = {
  isPackaged: true,
  enableSandbox: () => note("enableSandbox"),
  requestSingleInstanceLock: () => true,
  whenReady: async () => note("ready"),
  quit: () => note("quit"),
  exit: (code: number) => recorded.exits.push(code),
  on,
};

export const protocol = {
  registerSchemesAsPrivileged: keep("schemes"),
  handle: (scheme: string, handler: unknown) => keep(`protocol ${scheme}`)(handler),
};

export const session = {
  defaultSession: {
    setPermissionRequestHandler: keep("permissionRequest"),
    setPermissionCheckHandler: keep("permissionCheck"),
    setDevicePermissionHandler: keep("devicePermission"),
  },
};

export const net = { fetch: async (address: string) => new Response(`file ${address}`) };
export const shell = { openExternal: async (url: string) => recorded.opened.push(url) };
export const ipcMain = { on };
export const dialog = {
  showMessageBox: async (box: (typeof recorded.dialogs)[number]) => {
    recorded.dialogs.push(box);
    return { response: recorded.answer };
  },
};
export const Menu = { buildFromTemplate: () => ({}), setApplicationMenu: () => note("menu") };

export class BrowserWindow {
  static getAllWindows = () => [];
  readonly own: (typeof recorded.windows)[number];
  constructor(options: unknown) {
    this.own = { options, address: "" };
    recorded.windows.push(this.own);
  }
  once(): void {}
  async loadURL(address: string): Promise<void> {
    this.own.address = address;
  }
}

/** Node's own channel with Electron's event shape: real ports, so the self-check really runs. */
export class MessageChannelMain {
  readonly port1: unknown;
  readonly port2: unknown;
  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.port1 = electronPort(port1);
    this.port2 = electronPort(port2);
  }
}

function electronPort(port: MessagePort) {
  return {
    start: () => port.start(),
    close: () => port.close(),
    postMessage: (value: unknown) => port.postMessage(value),
    on: (event: string, listener: (value: { data: unknown }) => void) =>
      port.on(event, (data: unknown) => listener({ data })),
  };
}
