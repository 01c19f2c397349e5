// One end of an Electron message channel as a wire of the contract.
// Never a transfer list: an Electron port that transfers an ArrayBuffer loses it or throws
// (electron issues 34905, 37565). A frame is one Uint8Array and is copied.
import type { MessagePortMain } from "electron";
import type { Wire } from "#shared/contract/wire";

export function portWire(port: MessagePortMain): Wire {
  port.start();
  return {
    send: (bytes) => port.postMessage(bytes),
    onMessage: (listener) => {
      port.on("message", ({ data }: { data: unknown }) => {
        if (data instanceof Uint8Array) listener(data);
        else port.close();
      });
    },
    onClose: (listener) => {
      port.on("close", listener);
    },
    close: () => port.close(),
  };
}
