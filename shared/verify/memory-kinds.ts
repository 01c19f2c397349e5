// Which host memory lies at an address, told by the plan's own lines: only for the rule on flags.
// Owns backings by range; the lab's own pages have exact flags, others follow the host's history.
// From: the lab's plan language (back, mmapover, mremap; numbers, suffixes, names).
const BACKINGS_START = 0x7e00_0000_0000;
const BACKING_STEP = 2 ** 30;
const CONSTANTS: ReadonlyMap<string, number> = new Map([
  ["D", 0x4000_0000],
  ["P", 0x1000_0000],
  ["S", 0x7d00_0000_0000],
]);
const SUFFIXES: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["k", 1024],
  ["M", 1024 * 1024],
  ["p", 4096],
]);

interface Range {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
}

/** The memory kinds of a plan, line after line; the latest mapping of an address counts. */
export class MemoryKinds {
  readonly #backings = new Map<string, number>();
  readonly #ranges: Range[] = [];

  read(planLine: string): void {
    const words = (planLine.split("#")[0] ?? "").trim().split(/\s+/);
    const [verb, first = "", second = "", third = ""] = words;
    if (verb === "back") {
      const start = BACKINGS_START + this.#backings.size * BACKING_STEP;
      this.#backings.set(first, start);
      this.#map(start, this.#sum(third), second);
    } else if (verb === "mmapover") this.#map(this.#sum(first), this.#sum(second), third);
    else if (verb === "mremap") {
      const kind = this.kindAt(this.#sum(first));
      if (kind !== null) this.#map(this.#sum(third), this.#sum(second), kind);
    }
  }

  /** The kind last mapped at the address; null where no plan line mapped anything. */
  kindAt(hva: number): string | null {
    return this.#ranges.findLast((range) => hva >= range.start && hva < range.end)?.kind ?? null;
  }

  #map(start: number, size: number, kind: string): void {
    this.#ranges.push({ start, end: start + size, kind });
  }

  #sum(text: string): number {
    let total = 0;
    for (const term of text.split("+")) total += this.#term(term);
    return total;
  }

  #term(term: string): number {
    const named = CONSTANTS.get(term) ?? this.#backings.get(term);
    if (named !== undefined) return named;
    const found = /^(0x[0-9a-fA-F]+|\d+)([kMp]?)$/.exec(term);
    return found === null ? 0 : Number(found[1]) * (SUFFIXES.get(found[2] ?? "") ?? 1);
  }
}
