// The import rule sees planted violations: a small tree of forbidden imports, checked by the
// house's own configuration, must give exactly the rules that are broken. The tree lies outside
// the project, so that no other check meets it.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { PROJECT } from "./project.mjs";

const tree = mkdtempSync(join(tmpdir(), "faultline-imports-"));
afterAll(() => rmSync(tree, { recursive: true }));

const PLANTED: [from: string, imports: string, rule: string][] = [
  ["shared/engine/a.ts", "#shared/model/kvm/mmu", "room-engine"],
  ["shared/events/a.ts", "#shared/scenario/plan", "room-events"],
  ["shared/units/a.ts", "#shared/engine/machine", "room-units"],
  ["shared/report/a.ts", "#shared/contract/methods", "room-report"],
  ["shared/model/host/a.ts", "../kvm/mmu.ts", "model-host"],
  ["shared/model/lookup/a.ts", "../kvm/mmu.ts", "model-lookup"],
  ["shared/model/kernels/a.ts", "../kvm/mmu.ts", "kernels-are-data"],
  ["shared/verify/a.ts", "node:fs", "shared-is-pure"],
  ["shared/verify/b.ts", "vue", "shared-stands-alone"],
  ["electron/services/b.ts", "electron", "electron-in-the-window-only"],
  ["renderer/app/a.ts", "#shared/model/kvm/mmu", "pages-know-the-contract"],
  ["renderer/app/b.ts", "node:path", "pages-without-core"],
  ["renderer/app/c.ts", "../../electron/services/index.ts", "pages-without-node"],
  ["renderer/panes/run/a.ts", "../runs/b.ts", "panes-meet-in-the-selection"],
  ["renderer/widgets/a.ts", "../app/ok.ts", "widgets-know-nothing"],
  ["electron/browser/a.ts", "../store/open.ts", "doors-import-services"],
  ["electron/cli/a.ts", "../workers/pool.ts", "doors-import-services"],
  ["electron/services/a.ts", "../browser/b.ts", "inner-rooms-know-no-door"],
  ["electron/workers/a.ts", "../services/index.ts", "workers-below-services"],
  ["electron/store/a.ts", "../workers/pool.ts", "store-is-lowest"],
  ["electron/browser/c.ts", "../../renderer/app/ok.ts", "electron-without-pages"],
  ["shared/units/loop-a.ts", "./loop-b.ts", "no-cycle"],
  ["shared/units/gone.ts", "./nowhere.ts", "no-unresolvable"],
];

const ALLOWED: [from: string, imports: string][] = [
  ["shared/units/loop-b.ts", "./loop-a.ts"],
  ["shared/model/kvm/mmu.ts", "#shared/engine/machine"],
  ["shared/engine/machine.ts", "#shared/units/ok"],
  ["shared/scenario/plan.ts", "#shared/units/ok"],
  ["shared/contract/methods.ts", "#shared/engine/machine"],
  ["renderer/panes/runs/b.ts", "#shared/contract/methods"],
  ["electron/services/index.ts", "../store/open.ts"],
  ["electron/browser/b.ts", "../services/index.ts"],
  ["electron/workers/pool.ts", "../store/open.ts"],
];

const EMPTY = ["shared/units/ok.ts", "renderer/app/ok.ts", "electron/store/open.ts"];

interface Violation {
  from: string;
  rule: { name: string };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  writeFileSync(join(tree, file), text);
}

function check(): string[] {
  for (const [file, from] of [...PLANTED, ...ALLOWED]) write(file, `import "${from}";\n`);
  for (const file of EMPTY) write(file, "export {};\n");
  write("package.json", '{ "type": "module", "imports": { "#shared/*": "./shared/*.ts" } }');
  write("tsconfig.base.json", "{}");
  symlinkSync(join(PROJECT, "node_modules"), join(tree, "node_modules"));
  const program = join(PROJECT, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");
  const config = join(PROJECT, ".dependency-cruiser.cjs");
  const args = [program, "shared", "electron", "renderer", "--config", config, "-T", "json"];
  const answer = execFileSync(process.execPath, args, { cwd: tree, encoding: "utf8" });
  const { violations } = (JSON.parse(answer) as { summary: { violations: Violation[] } }).summary;
  return violations.map(({ from, rule }) => `${from} ${rule.name}`).sort();
}

test("each planted import breaks its rule, and no allowed one breaks any", () => {
  const expected = PLANTED.map(([from, , rule]) => `${from} ${rule}`);
  expect(check()).toEqual(expected.sort());
});
