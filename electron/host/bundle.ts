// The built page as files: which file an address means, and its content type.
// Promises: no address, however it is encoded, leads outside the bundle's folder.
// Both hosts serve the page through it.
import { join, sep } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ttf: "font/ttf",
  woff: "font/woff",
  woff2: "font/woff2",
};

/** The file of a URL's path below `folder`; null when the path leads elsewhere or is malformed. */
export function bundleFile(folder: string, urlPath: string): string | null {
  const path = decodePath(urlPath);
  if (path === null || path.includes("\0") || path.includes("\\")) return null;
  const file = join(folder, path === "/" ? "index.html" : path);
  return file.startsWith(folder + sep) ? file : null;
}

function decodePath(urlPath: string): string | null {
  try {
    return decodeURIComponent(urlPath);
  } catch {
    return null; // a broken escape is no file of ours
  }
}

/** Content type by the name's ending; unknown endings are bytes that no browser interprets. */
export function contentType(file: string): string {
  return TYPES[file.slice(file.lastIndexOf(".") + 1)] ?? "application/octet-stream";
}
