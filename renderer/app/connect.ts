// The page's connection to its host: Electron's port through the preload, or a WebSocket of the
// browser host.
// Both carry the same frames; which one it is, nothing else in the renderer knows.
import { connectClient } from "#shared/contract/client";
import { CallError, type Client } from "#shared/contract/methods";
import type { Wire } from "#shared/contract/wire";

/** What the preload puts into the page. */
interface Bridge {
  readonly kind: "electron";
  connect(): void;
}

const PORT_MS = 10_000;

export async function connectHost(): Promise<Client> {
  const bridge = (window as { faultline?: Bridge }).faultline;
  return connectClient(bridge === undefined ? await openSocket() : await openPort(bridge));
}

function openSocket(): Promise<Wire> {
  const socket = new WebSocket(new URL("/rpc", location.href.replace(/^http/, "ws")));
  socket.binaryType = "arraybuffer";
  const wire: Wire = {
    send: (bytes) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
    },
    onMessage: (listener) => {
      socket.onmessage = (event: MessageEvent<unknown>) => {
        if (event.data instanceof ArrayBuffer) listener(new Uint8Array(event.data));
      };
    },
    onClose: (listener) => {
      socket.onclose = () => listener();
    },
    close: () => socket.close(),
  };
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(wire);
    socket.onerror = () =>
      reject(new CallError("closed", "The host does not answer. Start Faultline again."));
  });
}

function openPort(bridge: Bridge): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () =>
        reject(new CallError("closed", "The app's main process does not answer. Start it again.")),
      PORT_MS,
    );
    window.addEventListener("message", function onPort(event: MessageEvent<unknown>) {
      const port = event.ports[0];
      if (event.source !== window || event.data !== "faultline:port" || port === undefined) return;
      window.removeEventListener("message", onPort);
      clearTimeout(timer);
      resolve(portWire(port));
    });
    bridge.connect();
  });
}

function portWire(port: MessagePort): Wire {
  let closed: () => void = () => undefined;
  port.addEventListener("close", () => closed());
  return {
    // Never a transfer list: Electron's ports lose transferred buffers.
    send: (bytes) => port.postMessage(bytes),
    onMessage: (listener) => {
      port.onmessage = (event: MessageEvent<unknown>) => {
        if (event.data instanceof Uint8Array) listener(event.data);
      };
    },
    onClose: (listener) => {
      closed = listener;
    },
    close: () => {
      port.close();
      closed();
    },
  };
}
