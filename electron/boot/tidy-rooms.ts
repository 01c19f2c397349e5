// Tidy rules about folders: each room says what it is, and no fixture lies about unread.
// A room is a folder right below shared/ or electron/, or the renderer.
// A fixture counts as read when a source names it, its folder, or the folder above.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const LINES = 5;

const folders = (path: string): string[] =>
  existsSync(path)
    ? readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
    : [];

/** Rooms below `project` that have no README, or one that says nothing. */
export function roomsWithoutReadme(project: string): string[] {
  const rooms = ["shared", "electron"].flatMap((house) =>
    folders(join(project, house)).map((room) => `${house}/${room}`),
  );
  return [...rooms, "renderer"].filter((room) => {
    const file = join(project, room, "README.md");
    return !existsSync(file) || readFileSync(file, "utf8").trim().split("\n").length < LINES;
  });
}

/** Entries right below `fixtures` that none of the texts names. */
export function fixturesUnread(fixtures: string, texts: string[]): string[] {
  if (!existsSync(fixtures)) return [];
  return readdirSync(fixtures).filter((name) => {
    const mention = new RegExp(`["'\`/]${name.replaceAll(".", "\\.")}["'\`/]`);
    return !texts.some((text) => mention.test(text));
  });
}
