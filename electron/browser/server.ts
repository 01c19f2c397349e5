// The browser host's two services on one loopback port: the page over HTTP, calls over WebSocket.
// Promises: nothing is answered but to a browser that came through the gate; only GET; only files
// of the bundle; a refusal says what to do and nothing about the host.
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { MAX_FRAME_BYTES } from "#shared/contract/frames";
import { serve, type Handlers } from "#shared/contract/server";
import { bundleFile, contentType } from "../host/bundle.ts";
import { PAGE_HEADERS } from "../host/headers.ts";
import { makeGate, type Gate } from "./gate.ts";
import { socketWire } from "./socket-wire.ts";

export interface ServerOptions {
  rendererDir: string;
  handlers: Handlers;
  /** 0: a free port of the system's choice. */
  port: number;
  log(text: string): void;
}

export interface BrowserServer {
  /** An address with a fresh code: each opens one browser. */
  url(): string;
  close(): Promise<void>;
}

export async function startServer(options: ServerOptions): Promise<BrowserServer> {
  const server = createServer();
  await listen(server, options.port);
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("not a network port");
  const gate = makeGate(address.port);
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
  });
  server.on("request", (request, response) => void answer(request, response, gate, options));
  server.on("upgrade", (request, socket, head) => {
    if (!mayUpgrade(request, gate)) return refuseUpgrade(socket);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      serve(socketWire(webSocket), options.handlers, { log: options.log });
    });
  });
  return { url: gate.url, close: () => closeAll(server, sockets) };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port }, resolve);
  });
}

async function closeAll(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate();
  sockets.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

function mayUpgrade(request: IncomingMessage, gate: Gate): boolean {
  const { host, origin, cookie } = request.headers;
  if (request.url !== "/rpc" || !gate.isOurHost(host)) return false;
  return gate.isOurOrigin(origin) && gate.admits(cookie);
}

function refuseUpgrade(socket: Duplex): void {
  socket.on("error", () => socket.destroy());
  socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

const TEXT = {
  401: "Open the address that the host printed; it holds a code that works once.",
  403: "This code has been used or is wrong. The host prints a new address after each use.",
  404: "There is no such file.",
  405: "Only GET is answered.",
  421: "This host answers to 127.0.0.1 and its own port only.",
} as const;

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  gate: Gate,
  options: ServerOptions,
): Promise<void> {
  const refuse = (status: keyof typeof TEXT) => {
    const headers = { ...PAGE_HEADERS, "content-type": "text/plain; charset=utf-8" };
    response.writeHead(status, headers).end(`${TEXT[status]}\n`);
  };
  if (!gate.isOurHost(request.headers.host)) return refuse(421);
  if (request.method !== "GET") return refuse(405);
  const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
  if (path === "/open") {
    const cookie = gate.open(new URLSearchParams(query).get("code") ?? "");
    if (cookie === null) return refuse(403);
    options.log(`Opened. For another browser: ${gate.url()}`);
    response.writeHead(303, { ...PAGE_HEADERS, location: "/", "set-cookie": cookie }).end();
    return;
  }
  if (!gate.admits(request.headers.cookie)) return refuse(401);
  const file = bundleFile(options.rendererDir, path);
  const content = file === null ? null : await readFile(file).catch(() => null);
  if (file === null || content === null) return refuse(404);
  response.writeHead(200, { ...PAGE_HEADERS, ...fileHeaders(path, file) }).end(content);
}

/** Names below assets/ carry a hash of their content: such a file never changes. */
function fileHeaders(path: string, file: string): Record<string, string> {
  const isHashed = path.startsWith("/assets/");
  const caching = isHashed ? "private, max-age=31536000, immutable" : "no-store";
  return { "content-type": contentType(file), "cache-control": caching };
}
