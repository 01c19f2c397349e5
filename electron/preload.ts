// The page's only door to Electron: ask for a connection, get one end of a message channel.
// Sandboxed, so it is one self-contained CommonJS file. It exposes no Electron object; the port
// reaches the page by window.postMessage, because a context bridge cannot carry ports.
import { contextBridge, ipcRenderer } from "electron";

ipcRenderer.on("faultline:port", (event) => {
  window.postMessage("faultline:port", "/", [...event.ports]);
});

contextBridge.exposeInMainWorld("faultline", {
  kind: "electron",
  connect: () => ipcRenderer.send("faultline:connect"),
});
