// Who may speak to the browser host: the browser that opened the printed address, and nobody else.
// A code works once and gives a cookie; the cookie admits. Host and Origin must be exactly ours,
// so that no other site's page, nor a name that points to 127.0.0.1, reaches the host.
// Cookies ignore ports: the port is in the cookie's name, or two hosts would log each other out.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

export interface Gate {
  /** The address to open, with a code that has not been used. */
  url(): string;
  /** Uses up a code: the Set-Cookie value, or null for a wrong or used one. */
  open(code: string): string | null;
  admits(cookieHeader: string | undefined): boolean;
  isOurHost(header: string | undefined): boolean;
  isOurOrigin(header: string | undefined): boolean;
}

const newSecret = (): string => randomBytes(32).toString("base64url");
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
/** Digests have one length, so the comparison takes the same time for every guess. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

export function makeGate(port: number): Gate {
  const host = `127.0.0.1:${port}`;
  const cookieName = `faultline_${port}`;
  const session = newSecret();
  let code = newSecret();
  return {
    url: () => `http://${host}/open?code=${code}`,
    open: (given) => {
      if (!isSame(given, code)) return null;
      code = newSecret();
      return `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/`;
    },
    admits: (header) => {
      const value = cookieValue(header ?? "", cookieName);
      return value !== null && isSame(value, session);
    },
    isOurHost: (header) => header === host,
    isOurOrigin: (header) => header === `http://${host}`,
  };
}

function cookieValue(header: string, name: string): string | null {
  for (const part of header.split(";")) {
    const [key, value] = part.trim().split("=", 2);
    if (key === name && value !== undefined) return value;
  }
  return null;
}
