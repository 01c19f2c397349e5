// The one channel between a page and the main process: "connect", answered with a message port.
// Only the main frame of a page of the bundle is answered; anyone else gets silence.
// What comes through the port is checked by the contract's server like any other wire.
import { ipcMain, MessageChannelMain } from "electron";
import { serve, type Handlers } from "#shared/contract/server";
import { PAGE_ORIGIN } from "./page-protocol.ts";
import { portWire } from "./port-wire.ts";

export function acceptConnections(handlers: Handlers, log: (text: string) => void): void {
  ipcMain.on("faultline:connect", ({ senderFrame }) => {
    if (senderFrame === null || senderFrame.parent !== null) return;
    if (senderFrame.origin !== PAGE_ORIGIN) return;
    const { port1, port2 } = new MessageChannelMain();
    serve(portWire(port1), handlers, { log });
    senderFrame.postMessage("faultline:port", null, [port2]);
  });
}
