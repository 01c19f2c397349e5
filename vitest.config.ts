// Unit, property, golden and truth tests: everything that needs no build and no browser.
// End-to-end tests have a configuration of their own, vitest.e2e.config.ts.
// Two workers: the machines on which this runs have two cores.
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [vue()],
  test: {
    environment: "node",
    maxWorkers: 2,
    include: ["shared/**/*.test.ts", "electron/**/*.test.ts", "renderer/**/*.test.ts"],
    exclude: ["renderer/e2e/**", "node_modules/**"],
    testTimeout: 60_000,
  },
});
