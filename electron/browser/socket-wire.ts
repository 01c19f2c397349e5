// A WebSocket of the browser host as a wire of the contract.
// Promises: only binary messages pass; a text message, or an error, closes the connection.
// The server's limits on size and origin are set where the socket is made.
import type { WebSocket } from "ws";
import type { Wire } from "#shared/contract/wire";

export function socketWire(socket: WebSocket): Wire {
  socket.binaryType = "arraybuffer";
  socket.on("error", () => socket.terminate());
  return {
    send: (bytes) => {
      if (socket.readyState === socket.OPEN) socket.send(bytes);
    },
    onMessage: (listener) => {
      socket.on("message", (data, isBinary) => {
        if (isBinary && data instanceof ArrayBuffer) listener(new Uint8Array(data));
        else socket.close(1003);
      });
    },
    onClose: (listener) => {
      socket.on("close", listener);
    },
    close: () => socket.close(),
  };
}
