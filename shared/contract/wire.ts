// A wire carries whole frames as bytes between two ends and tells when it is gone.
// Electron's port, the browser host's WebSocket and the command line's memory pair are all wires.
// Promises: messages arrive whole and in order; after close nothing arrives and send
// does nothing; onClose fires once.

/** One end of a connection. The listener given last is the one that is called. */
export interface Wire {
  send(bytes: Uint8Array<ArrayBuffer>): void;
  onMessage(listener: (bytes: Uint8Array) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}

/** Two ends in one process, for the command line and for tests. Delivery is always asynchronous. */
export function wirePair(): [Wire, Wire] {
  const ends = [makeEnd(), makeEnd()] as const;
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    for (const end of ends) end.closed();
  };
  const wire = (own: End, other: End): Wire => ({
    send: (bytes) => {
      if (isOpen) void Promise.resolve().then(() => (isOpen ? other.received(bytes) : undefined));
    },
    onMessage: (listener) => {
      own.received = listener;
    },
    onClose: (listener) => {
      own.closed = listener;
    },
    close,
  });
  return [wire(ends[0], ends[1]), wire(ends[1], ends[0])];
}

interface End {
  received: (bytes: Uint8Array) => void;
  closed: () => void;
}

const makeEnd = (): End => ({ received: () => {}, closed: () => {} });
