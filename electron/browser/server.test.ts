// The browser host's borders by real requests on a real port: gate, Host, Origin, methods, files.
// node:http sends them, because fetch() refuses to set Host.
// Handlers are fakes; no service runs.
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { get, request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { connectClient } from "#shared/contract/client";
import type { Handlers } from "#shared/contract/server";
import { startServer, type BrowserServer } from "./server.ts";
import { socketWire } from "./socket-wire.ts";

const handlers = { "settings.get": async () => ({ values: { a: "1" } }) } as unknown as Handlers;

let folder = "";
let server: BrowserServer;
let port = 0;
let cookie = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "faultline-host-"));
  mkdirSync(join(folder, "renderer", "assets"), { recursive: true });
  writeFileSync(join(folder, "secret"), "secret");
  writeFileSync(join(folder, "renderer", "index.html"), "<p>page</p>");
  writeFileSync(join(folder, "renderer", "assets", "a.js"), "1");
  const rendererDir = join(folder, "renderer");
  server = await startServer({ rendererDir, handlers, port: 0, log: () => {} });
  port = Number(new URL(server.url()).port);
  cookie = (await open(server.url())).headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  body: string;
}

function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += String(chunk)));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on("error", reject);
    sent.end();
  });
}

const open = (url: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    get(url, (response) => resolve(response.resume())).on("error", reject);
  });

test("a code opens once: cookie and redirect, then 403", async () => {
  const { pathname, search } = new URL(server.url());
  const first = await ask(pathname + search);
  expect([first.status, first.headers.location]).toEqual([303, "/"]);
  const set = first.headers["set-cookie"]?.[0] ?? "";
  expect(set).toMatch(new RegExp(`^faultline_${port}=[\\w-]{43}; HttpOnly; SameSite=Strict`));
  expect((await ask(pathname + search)).status).toBe(403);
});

test("after a use there is a new code, as long as the old one and different", () => {
  const code = new URL(server.url()).searchParams.get("code") ?? "";
  expect(code).toMatch(/^[\w-]{43}$/);
});

test.each(["/open", "/open?code=", "/open?code=x"])("%s is refused", async (path) => {
  expect((await ask(path)).status).toBe(403);
});

test("with the cookie the page comes, with the policy's headers", async () => {
  const answer = await ask("/", { cookie });
  expect([answer.status, answer.body]).toEqual([200, "<p>page</p>"]);
  expect(answer.headers["content-security-policy"]).toContain("default-src 'none'");
  expect(answer.headers["cross-origin-embedder-policy"]).toBe("require-corp");
  expect(answer.headers["cache-control"]).toBe("no-store");
});

test.each([
  ["no cookie", ""],
  ["a wrong value", "faultline_PORT=x"],
  ["another host's name", "faultline_1=SESSION"],
])("%s: 401, and no file", async (_name, given) => {
  const session = cookie.split("=")[1] ?? "";
  const sent = given.replace("PORT", String(port)).replace("SESSION", session);
  const answer = await ask("/", { cookie: sent });
  expect(answer.status).toBe(401);
  expect(answer.body).not.toContain("page");
});

test.each(["localhost:PORT", "127.0.0.1", "evil.example", "127.0.0.1:PORT.evil.example"])(
  "Host %s: 421, even with the cookie",
  async (host) => {
    const answer = await ask("/", { cookie, host: host.replace("PORT", String(port)) });
    expect(answer.status).toBe(421);
  },
);

test.each(["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])("%s: 405", async (method) => {
  expect((await ask("/", { cookie }, method)).status).toBe(405);
});

test.each(["/..%2fsecret", "/%2e%2e/secret", "/../secret", "/assets/..%2f..%2fsecret", "/no"])(
  "%s: 404",
  async (path) => {
    const answer = await ask(path, { cookie });
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain("secret");
  },
);

function upgrade(path: string, headers: Record<string, string>): Promise<WebSocket | number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    socket.on("open", () => resolve(socket));
    socket.on("unexpected-response", (_sent, answer) => resolve(answer.statusCode ?? 0));
    socket.on("error", () => resolve(0));
  });
}

const origin = () => `http://127.0.0.1:${port}`;

test("the page's own connection carries calls", async () => {
  const socket = await upgrade("/rpc", { cookie, origin: origin() });
  if (typeof socket === "number") throw new Error(`refused with ${socket}`);
  const client = connectClient(socketWire(socket));
  expect(await client.call("settings.get", {})).toEqual({ values: { a: "1" } });
  client.close();
});

test("a text message closes the connection", async () => {
  const socket = await upgrade("/rpc", { cookie, origin: origin() });
  if (typeof socket === "number") throw new Error(`refused with ${socket}`);
  const code = new Promise<number>((resolve) => socket.on("close", resolve));
  socket.send("text");
  expect(await code).toBe(1003);
});

test.each([
  ["no Origin", () => ({ cookie })],
  ["another page's Origin", () => ({ cookie, origin: "http://evil.example" })],
  ["another port's Origin", () => ({ cookie, origin: "http://127.0.0.1:1" })],
  ["Origin null", () => ({ cookie, origin: "null" })],
  ["no cookie", () => ({ origin: origin() })],
  ["a foreign Host", () => ({ cookie, origin: origin(), host: "evil.example" })],
])("upgrade with %s: 403", async (_name, headers) => {
  expect(await upgrade("/rpc", headers() as Record<string, string>)).toBe(403);
});

test("upgrade on another path: 403", async () => {
  expect(await upgrade("/", { cookie, origin: origin() })).toBe(403);
});

test("two hosts do not log each other out", async () => {
  const rendererDir = join(folder, "renderer");
  const other = await startServer({ rendererDir, handlers, port: 0, log: () => {} });
  const second = (await open(other.url())).headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  expect((await ask("/", { cookie: `${second}; ${cookie}` })).status).toBe(200);
  await other.close();
});
