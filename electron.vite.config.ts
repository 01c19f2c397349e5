// Builds the three parts of the app: main, preload and page.
// Main holds all that runs under Node: Electron's main, browser host, command line, workers.
// Only better-sqlite3 stays outside the bundles; it is the one dependency that is not a build tool.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "electron-vite";

const here = (path: string) => resolve(import.meta.dirname, path);

const present = (input: Record<string, string>) =>
  Object.fromEntries(Object.entries(input).filter(([, file]) => existsSync(file)));

export default defineConfig({
  main: {
    build: {
      sourcemap: true,
      rolldownOptions: {
        input: present({
          index: here("electron/main.ts"),
          host: here("electron/browser/host.ts"),
          cli: here("electron/cli/main.ts"),
          "simulate.worker": here("electron/workers/simulate.worker.ts"),
          "seek.worker": here("electron/workers/seek.worker.ts"),
          "explore.worker": here("electron/workers/explore.worker.ts"),
          "verify.worker": here("electron/workers/verify.worker.ts"),
          "store.worker": here("electron/workers/store.worker.ts"),
        }),
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
