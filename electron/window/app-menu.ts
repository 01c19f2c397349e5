// The application menu: the roles that a system expects and nothing that repeats the app's keys.
// Reload and developer tools are left out of packaged apps; the page's own commands are in its
// palette, so that both hosts offer the same.
import { app, Menu, type MenuItemConstructorOptions } from "electron";

export function setAppMenu(): void {
  const view: MenuItemConstructorOptions[] = app.isPackaged
    ? [{ role: "togglefullscreen" }]
    : [{ role: "toggleDevTools" }, { role: "togglefullscreen" }];
  const template: MenuItemConstructorOptions[] = [
    { label: "File", submenu: [{ role: "quit" }] },
    { role: "editMenu" },
    { label: "View", submenu: view },
    { role: "windowMenu" },
  ];
  if (process.platform === "darwin") template.unshift({ role: "appMenu" });
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
