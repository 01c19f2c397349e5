// What checking a scenario costs: the parser against the YAML reader that it stands on.
// The editor parses at each pause of typing, so the whole must stay within a frame or
// two.
import { parseDocument } from "yaml";
import { parseScenario } from "./parse.ts";

type Report = (line: { name: string; value: number; unit: string; limit?: number }) => void;

const ROUNDS = 7;
const STEPS = 1000;

export function bench(report: Report, cpuMs: () => number): void {
  const fastest = (work: () => unknown): number => {
    const times = Array.from({ length: ROUNDS }, () => {
      const start = cpuMs();
      work();
      return cpuMs() - start;
    });
    return Math.min(...times);
  };
  const lines = Array.from({ length: STEPS }, (_, n) => `  - gwrite D+${n % 16}p ${n}\n`);
  const text = `faultline: 1\nsteps:\n${lines.join("")}`;
  const yaml = fastest(() => parseDocument(text, { uniqueKeys: false }));
  const whole = fastest(() => parseScenario(text));
  report({ name: `parse and check ${STEPS} steps`, value: whole, unit: "ms" });
  report({ name: "parse and check / read the YAML", value: whole / yaml, unit: "x", limit: 2.5 });
}
