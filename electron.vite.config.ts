// Builds the three parts of the app: main, preload and page.
// Main holds all that runs under Node: Electron's main, browser host, command line, workers.
// Only better-sqlite3 stays outside the bundles; it is the one dependency that is not a build tool.
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "electron-vite";

const here = (path: string) => resolve(import.meta.dirname, path);

/** Every worker is an entry: threads are started from files, by name. */
const workers = Object.fromEntries(
  readdirSync(here("electron/workers"))
    .filter((file) => file.endsWith(".worker.ts"))
    .map((file) => [file.slice(0, -".ts".length), here(`electron/workers/${file}`)]),
);

export default defineConfig({
  main: {
    build: {
      sourcemap: true,
      rolldownOptions: {
        input: {
          index: here("electron/main.ts"),
          host: here("electron/browser/host.ts"),
          cli: here("electron/cli/main.ts"),
          ...workers,
        },
        // const stays const: the compiler folds a module's constants and functions into the code
        // that uses them, and cannot where they are var (measured: 1.2 times as long a fault).
        output: { topLevelVar: false },
      },
    },
  },
  preload: {
    build: {
      externalizeDeps: false,
      isolatedEntries: true,
      rolldownOptions: {
        input: here("electron/preload.ts"),
        output: { format: "cjs", entryFileNames: "[name].cjs" },
      },
    },
  },
  renderer: {
    root: here("renderer"),
    plugins: [vue()],
    worker: { format: "es" },
    build: {
      minify: true,
      cssMinify: true,
      chunkSizeWarningLimit: 5000,
      rolldownOptions: { input: here("renderer/index.html") },
    },
  },
});
