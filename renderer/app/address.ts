// The address string: screen, id and parameters of what the window shows, as one line of text.
// Printing and parsing are inverse; an unknown key is kept, a broken one spoils only itself.
// From: the address grammar of the user interface's rules (screen ["/" id] ["?" key "=" value …]).

/** A place in the app. Parameters are text; each screen reads its own and ignores the rest. */
export interface Address {
  readonly screen: string;
  readonly id: string;
  readonly params: Readonly<Record<string, string>>;
}

const MAX_LENGTH = 8192;
const MAX_PARAMS = 64;
const SCHEME = "faultline:";

export const HOME: Address = { screen: "welcome", id: "", params: {} };

export const address = (screen: string, id = "", params: Record<string, string> = {}): Address => ({
  screen,
  id,
  params,
});

/** Never throws: text that has no screen gives null, anything else the part that could be read. */
export function parseAddress(text: string): Address | null {
  let rest = text.trim().slice(0, MAX_LENGTH);
  if (rest.startsWith(SCHEME)) rest = rest.slice(SCHEME.length);
  rest = rest.replace(/^#?\/?/, "");
  const question = rest.indexOf("?");
  const path = question < 0 ? rest : rest.slice(0, question);
  const slash = path.indexOf("/");
  const screen = slash < 0 ? path : path.slice(0, slash);
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(screen)) return null;
  const id = slash < 0 ? "" : decode(path.slice(slash + 1));
  return { screen, id, params: question < 0 ? {} : parseParams(rest.slice(question + 1)) };
}

function parseParams(text: string): Record<string, string> {
  const pairs: [string, string][] = [];
  for (const part of text.split("&").slice(0, MAX_PARAMS)) {
    const equals = part.indexOf("=");
    const key = equals < 0 ? part : part.slice(0, equals);
    if (!/^[a-zA-Z][a-zA-Z0-9-]{0,39}$/.test(key)) continue;
    pairs.push([key, equals < 0 ? "" : decode(part.slice(equals + 1))]);
  }
  return Object.fromEntries(pairs);
}

export function printAddress(place: Address): string {
  const path = place.id === "" ? place.screen : `${place.screen}/${encode(place.id)}`;
  const pairs = Object.entries(place.params).map(([key, value]) => `${key}=${encode(value)}`);
  return pairs.length === 0 ? path : `${path}?${pairs.join("&")}`;
}

/** With the scheme, as it is copied and pasted. */
export const linkText = (place: Address): string => SCHEME + printAddress(place);

/** The same place with some parameters changed; an empty or missing value removes the key. */
export function withParams(place: Address, changes: Record<string, string | null>): Address {
  const params: Record<string, string> = { ...place.params };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") delete params[key];
    else params[key] = value;
  }
  return { ...place, params };
}

export const sameAddress = (a: Address, b: Address): boolean => printAddress(a) === printAddress(b);

// Characters that people write in addresses stay readable; all others are percent-encoded.
function encode(text: string): string {
  return encodeURIComponent(text).replace(/%(3A|2C|2F|20|40)/g, (code) =>
    code === "%20" ? "+" : decodeURIComponent(code),
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, "%20"));
  } catch {
    return text; // A broken percent sign: the text stands for itself.
  }
}
