// The address app://faultline/ and what it serves: the page's bundle and nothing else.
// The scheme must be registered before Electron is ready; the handler is set afterwards.
// Every answer carries the page's policy; every other host or file is 404.
import { pathToFileURL } from "node:url";
import { net, protocol } from "electron";
import { bundleFile, contentType } from "../host/bundle.ts";
import { PAGE_HEADERS } from "../host/headers.ts";

export const PAGE_ORIGIN = "app://faultline";
const privileges = {
  standard: true,
  secure: true,
  supportFetchAPI: true,
  codeCache: true,
  stream: true,
};

export function registerPageScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: "app", privileges }]);
}

export function servePage(rendererDir: string): void {
  protocol.handle("app", (request) => answer(request.url, rendererDir));
}

async function answer(address: string, rendererDir: string): Promise<Response> {
  const url = new URL(address);
  const file = url.host === "faultline" ? bundleFile(rendererDir, url.pathname) : null;
  if (file === null) return notFound();
  const read = await net.fetch(pathToFileURL(file).href).catch(() => null);
  if (read === null || !read.ok) return notFound();
  const headers = { ...PAGE_HEADERS, "content-type": contentType(file) };
  return new Response(read.body, { status: 200, headers });
}

const notFound = () =>
  new Response("There is no such file.\n", { status: 404, headers: PAGE_HEADERS });
