// Entry of Electron's main process. It only names what the rest needs from here: its own folder.
// Everything else is in window/: protocol, guards, window, connection, self-check.
// Updates are off: the app fetches nothing.
import { startServices } from "./host/start-services.ts";
import { runElectron } from "./window/run-electron.ts";

// Not awaited: Electron becomes ready only after its entry module has been evaluated.
void runElectron(import.meta.dirname, startServices);
