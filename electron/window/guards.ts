// What a page may not do: ask for permissions, leave its bundle, open windows, embed others.
// Set for every web contents that Electron makes, so that none is forgotten.
// A few documentation sites open in the user's own browser; every other link does nothing.
import { app, session, shell, type Event } from "electron";
import { PAGE_ORIGIN } from "./page-protocol.ts";

const SITES = ["https://docs.kernel.org/", "https://lore.kernel.org/", "https://git.kernel.org/"];

/** Before Electron is ready, so that the first web contents has its guards already. */
export function guardContents(): void {
  app.on("web-contents-created", (_event, contents) => {
    contents.on("will-navigate", (event) => stayInBundle(event, event.url));
    contents.on("will-redirect", (event) => stayInBundle(event, event.url));
    contents.on("will-attach-webview", (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      if (SITES.some((site) => url.startsWith(site))) void shell.openExternal(url);
      return { action: "deny" };
    });
  });
}

function stayInBundle(event: Event, url: string): void {
  if (!url.startsWith(`${PAGE_ORIGIN}/`)) event.preventDefault();
}

/** After Electron is ready: a page gets no permission and no device. */
export function denyPermissions(): void {
  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((_contents, _permission, decide) => decide(false));
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.setDevicePermissionHandler(() => false);
}
