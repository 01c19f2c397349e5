// End-to-end tests: the built browser host and a real Chromium, one file after the other.
// Run by `npm test` after the build; two browsers at once would only disturb each other on 2 cores.
// FAULTLINE_CHROMIUM names the browser's program.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "node",
    include: ["renderer/e2e/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    passWithNoTests: true,
  },
});
