// Finds a Chromium for the end-to-end tests; on a bare Debian machine, as root, installs one.
// Nothing is downloaded elsewhere: a user's own machine gets a sentence that says what to install.
// FAULTLINE_CHROMIUM names another program.
import { existsSync } from "node:fs";
import { run, say } from "./project.mjs";

const PLACES = {
  linux: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].map(
    (name) => `/usr/bin/${name}`,
  ),
  darwin: ["Chromium", "Google Chrome"].map(
    (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
  ),
  win32: ["C:\\Program Files", "C:\\Program Files (x86)"].map(
    (folder) => `${folder}\\Google\\Chrome\\Application\\chrome.exe`,
  ),
};

/**
 * The program's path, or a sentence that says how to get one.
 * @returns {Promise<{ program: string } | { advice: string }>}
 */
export async function findChromium() {
  const program = installed();
  if (program !== undefined) return { program };
  if (process.platform !== "linux") return { advice: "Install Chromium or Chrome." };
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    return { advice: "Install Chromium, for example: sudo apt-get install chromium" };
  }
  say("Installing chromium by apt-get (about 80 MB) …");
  const options = { stdio: ["ignore", 2, 2] };
  await run("apt-get", ["update", "-qq"], options);
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], options);
  const fetched = installed();
  return fetched === undefined ? { advice: "apt-get gave no chromium." } : { program: fetched };
}

function installed() {
  const asked = process.env.FAULTLINE_CHROMIUM;
  const places = asked ? [asked] : (PLACES[process.platform] ?? []);
  return places.find((place) => existsSync(place));
}
