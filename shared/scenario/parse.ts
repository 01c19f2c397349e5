// A scenario's text to a plan, or to diagnostics that say what is wrong, where, and what to write
// instead. Promises: never throws; the same text gives the same result; `plan` is null exactly when
// there is an error; `draft` holds whatever could be understood, for an editor's outline.
// From: the product's rules of the language; every key, verb and form is in vocabulary.table.ts.
import { World } from "./check.ts";
import type { Diagnostic } from "./diagnostics.ts";
import { Reporter } from "./diagnostics.ts";
import { MAX_DIAGNOSTICS, MAX_STEPS, MAX_THREADS } from "./limits.ts";
import { nearestWord } from "./nearest.ts";
import { readExpect } from "./parse-expect.ts";
import { readBounds, readSwitches, readText, readVersion, readWords } from "./parse-keys.ts";
import type { Plan, PlanStep, PlanThread } from "./plan.ts";
import { readStep, vcpuIndex } from "./raw-step.ts";
import { resolveStep } from "./resolve.ts";
import type { MapNode, SourceNode, SourcePair } from "./source.ts";
import { readSource } from "./source.ts";
import type { VcpuIndex } from "./vocabulary.ts";
import { KEY_BY_NAME } from "./words.ts";

export interface ParseResult {
  readonly plan: Plan | null;
  /** What was understood, errors or not; null when the text is no YAML map. */
  readonly draft: Plan | null;
  /** In the order of the text. */
  readonly diagnostics: readonly Diagnostic[];
}

export function parseScenario(text: string): ParseResult {
  const report = new Reporter(text);
  const root = readSource(text, report);
  let draft: Plan | null = null;
  if (root?.kind === "map") draft = new ScenarioReader(root, report).read();
  else if (root) {
    report.error(root, "A scenario is a map of keys. Begin with faultline: 1.", {
      expected: ["faultline: 1"],
    });
  }
  const diagnostics = report.diagnostics.toSorted((a, b) => a.from - b.from);
  return { plan: report.errorCount === 0 ? draft : null, draft, diagnostics };
}

class ScenarioReader {
  readonly #report: Reporter;
  readonly #world: World;
  readonly #pairs: ReadonlyMap<string, SourcePair>;
  readonly #root: MapNode;
  /**
   * The number of the next step: entries with an error count too, so that later numbers stay right.
   */
  #next = 0;

  constructor(root: MapNode, report: Reporter) {
    this.#root = root;
    this.#report = report;
    this.#world = new World(report);
    this.#pairs = new Map(root.pairs.map((pair) => [pair.key.text, pair]));
  }

  read(): Plan {
    const report = this.#report;
    this.#keys();
    readVersion(this.#root, this.#pairs.get("faultline"), report);
    const setup = this.#steps(this.#value("setup"), "setup", null);
    const setupCount = this.#next;
    this.#world.endSetup();
    const steps = [...setup, ...this.#steps(this.#value("steps"), "steps", null)];
    const threads = this.#threads(this.#value("threads"));
    const { backings, pages } = this.#world.made;
    const expect = this.#value("expect");
    return {
      title: readText(this.#value("title"), report) || "untitled",
      about: readText(this.#value("about"), report),
      tags: readWords(this.#value("tags"), "tag", report),
      setupCount,
      steps,
      threads,
      backings,
      pages,
      switches: readSwitches(this.#value("switches"), report),
      bounds: readBounds(this.#value("bounds"), report),
      expect: expect ? readExpect(expect, { stepCount: this.#next, backings, pages }, report) : [],
    };
  }

  #value(key: string): SourceNode | null {
    const value = this.#pairs.get(key)?.value;
    return value && !(value.kind === "scalar" && value.text === "") ? value : null;
  }

  #keys(): void {
    const expected = [...KEY_BY_NAME.keys()];
    for (const { key } of this.#root.pairs) {
      if (KEY_BY_NAME.has(key.text)) continue;
      const nearest = nearestWord(key.text, expected);
      this.#report.error(key, `"${key.text}" is not a key of a scenario.`, { expected, nearest });
    }
  }

  #steps(
    node: SourceNode | null,
    section: "setup" | "steps" | "threads",
    thread: { name: string; vcpu: VcpuIndex | null } | null,
  ): PlanStep[] {
    if (!node) return [];
    if (node.kind !== "list") {
      this.#report.error(
        node,
        `${thread?.name ?? section} is a list of steps, one line each: - boot.`,
        {
          expected: ["- boot"],
        },
      );
      return [];
    }
    const steps: PlanStep[] = [];
    for (const [index, item] of node.items.entries()) {
      if (this.#next >= MAX_STEPS) {
        this.#report.error(item, `A scenario has at most ${MAX_STEPS} steps.`);
        break;
      }
      // No more can be shown; the numbers of later steps no longer matter.
      if (this.#report.errorCount > MAX_DIAGNOSTICS) break;
      const isLast = index === node.items.length - 1;
      const step = this.#step(item, section, isLast, thread);
      if (step) steps.push(step);
      this.#next++;
    }
    return steps;
  }

  #step(
    item: SourceNode,
    section: "setup" | "steps" | "threads",
    isLast: boolean,
    thread: { name: string; vcpu: VcpuIndex | null } | null,
  ): PlanStep | null {
    const raw = readStep(item, this.#report);
    if (!raw) return null;
    const { verb } = raw.spec;
    if (
      section === "setup" &&
      (!raw.spec.setup || (verb === "boot" && (!isLast || raw.vcpu !== null)))
    ) {
      const message =
        verb === "boot"
          ? "boot may only be the last of setup."
          : `${verb} belongs into steps, not into setup.`;
      this.#report.error(raw.verb, message, { expected: ["back", "slot", "track", "boot"] });
      return null;
    }
    if (thread && thread.vcpu === null && raw.spec.side === "guest") {
      const message = `${verb} is the guest's, but ${thread.name} is a host thread.`;
      this.#report.error(raw.verb, message, { expected: ["v0", "v1", "v2", "v3"] });
      return null;
    }
    if (thread && raw.vcpu !== null && raw.vcpu !== thread.vcpu) {
      this.#report.error(item, `Steps of the thread ${thread.name} have no other vCPU's prefix.`);
      return null;
    }
    const vcpu = raw.vcpu ?? thread?.vcpu ?? 0;
    const step = resolveStep(raw, this.#next, vcpu, this.#world, this.#report);
    if (step) this.#world.visit(step, raw);
    return step;
  }

  #threads(node: SourceNode | null): PlanThread[] {
    if (!node) return [];
    if (node.kind !== "map") {
      this.#report.error(node, "threads is a map: a name, then its list of steps.", {
        expected: ["v0:"],
      });
      return [];
    }
    const threads: PlanThread[] = [];
    for (const { key, value } of node.pairs) {
      if (threads.length >= MAX_THREADS) {
        this.#report.error(key, `A scenario has at most ${MAX_THREADS} threads.`);
        break;
      }
      if (
        !/^[A-Za-z_][A-Za-z0-9_-]{0,30}$/.test(key.text) ||
        /^v[4-9]$|^v[0-9]{2,}$/.test(key.text)
      ) {
        const message = `"${key.text}" is no name of a thread: v0 to v3, or a host thread's name.`;
        this.#report.error(key, message, { expected: ["v0", "v1", "v2", "v3", "host"] });
        continue;
      }
      const vcpu = vcpuIndex(key.text);
      const empty = value.kind === "scalar" && value.text === "";
      const steps = empty ? [] : this.#steps(value, "threads", { name: key.text, vcpu });
      threads.push({ name: key.text, vcpu, steps });
    }
    return threads;
  }
}
