// A whole trace text, line by line: records to a sink, folds opened, cut records split.
// Promises never to throw; every line it cannot read is a problem with line and column.
// From: tracefs' `trace` file, also with function_graph; the records that 6.1 cuts with hash-ptr
// off (kernel/trace/trace.c).
import type { EventDeclaration, Scan } from "./declare.ts";
import { foldMembers, isFoldLine, parseFold } from "./fold.ts";
import type { PrintForms } from "./forms.ts";
import { makeScan, MARK_COLUMN, parseBody } from "./print.ts";
import { EVENTS, eventNamed } from "./table.ts";
import type { Texts } from "./texts.ts";
import { parseHead } from "./trace-line.ts";
import type { LineHead } from "./trace-line.ts";

/** What is wrong in a text, where (both from 1), and what to do. */
export interface TraceProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface TraceRow {
  readonly event: EventDeclaration;
  /** The scan's own cells: copy what must stay. */
  readonly cells: Int32Array;
  readonly line: number;
  readonly head: LineHead;
  /** The body was lost when the kernel printed it: only name and place are known. */
  readonly isCut: boolean;
}

export interface TraceSink {
  row(row: TraceRow): void;
  problem(problem: TraceProblem): void;
  /** A `#` line that is no fold: header, or the lab's remark. */
  comment?(text: string, line: number): void;
  /** A record of an event nobody declared. */
  unknown?(column: string, line: number): void;
}

/** Longest line that is read; a record of a kernel is far below. */
export const LINE_LIMIT = 4096;
/** Problems told before the reader gives up on a file. */
export const PROBLEM_LIMIT = 100;
/** Records glued to one line by cut bodies. */
const GLUE_LIMIT = 32;

/** A body that is missing leaves the padding of the next record right behind the colon. */
const GLUE_MARK = ":  ";
const GLUED = new RegExp(
  ": (?:kvm_mmu_get_page|kvm_mmu_sync_page|kvm_mmu_unsync_page" +
    "|kvm_mmu_prepare_zap_page|kvm_inj_exception):(?= {2,}\\S.*?-\\d+ +\\[\\d+\\])",
);
/** A line of the function_graph tracer: a duration, a bar, a call, or an event as a comment. */
const GRAPH = /^[^|[]{0,40}\|\s+(?:\/\* (.*) \*\/$)?/;
/** Where that tracer changes to another task. */
const GRAPH_SWITCH = /^\s*(?:-{10,}$|\d+\)\s.*=>)/;
const NAMED_BODY = /^(\w+): (.*)$/;
const FOLDED_HEAD: LineHead = {
  comm: "vmm",
  pid: 0,
  cpu: 0,
  flags: ".....",
  micros: 0,
  column: "kvm_tdp_mmu_spte_changed",
  bodyAt: 0,
};

class TraceReader {
  readonly #scan: Scan;
  readonly #sink: TraceSink;
  #problems = 0;
  #head: LineHead = FOLDED_HEAD;
  /** The error code of the last kvm_page_fault: what a cut fast_page_fault lost. */
  readonly #faultCode = { lo: 0, hi: 0 };

  constructor(forms: PrintForms, texts: Texts, sink: TraceSink) {
    this.#scan = makeScan(forms, texts);
    this.#sink = sink;
  }

  get isGivingUp(): boolean {
    return this.#problems >= PROBLEM_LIMIT;
  }

  readLine(text: string, line: number): void {
    if (text.length > LINE_LIMIT) {
      this.#tell(line, LINE_LIMIT, `longer than ${LINE_LIMIT} characters; is this a trace?`);
    } else if (text.startsWith("#")) this.#readComment(text, line);
    else this.#readRecords(text, line);
  }

  #tell(line: number, column: number, message: string): void {
    this.#problems += 1;
    this.#sink.problem({ line, column, message });
  }

  #readComment(text: string, line: number): void {
    if (!isFoldLine(text)) {
      this.#sink.comment?.(text, line);
      return;
    }
    const fold = parseFold(text, this.#scan);
    if (fold === null) {
      this.#tell(
        line,
        1,
        "the folded line is not whole: first, last, step and count must agree; " +
          "fold the trace again",
      );
      return;
    }
    const event = EVENTS.kvm_tdp_mmu_spte_changed;
    const head = { ...this.#head, column: event.name };
    for (const cells of foldMembers(fold)) {
      this.#sink.row({ event, cells, line, head, isCut: false });
    }
  }

  /** Only the events of a call graph are read here; its calls are another room's. */
  #readGraph(comment: string | undefined, line: number): void {
    if (comment === undefined) return;
    const [, name = "", body = ""] = NAMED_BODY.exec(comment) ?? [];
    const isTracepoint = eventNamed(name)?.origin === "tracepoint";
    const column = isTracepoint ? name : MARK_COLUMN;
    const head = { ...FOLDED_HEAD, column };
    this.#readBody(isTracepoint ? body : comment, line, 0, head);
  }

  /** A cut record has lost its body and its newline: the next record stands on the same line. */
  #readRecords(text: string, line: number): void {
    let from = 0;
    for (let part = 0; part < GLUE_LIMIT; part++) {
      const glued = text.includes(GLUE_MARK, from) ? GLUED.exec(text.slice(from)) : null;
      const end = glued === null ? text.length : from + glued.index + glued[0].length;
      this.#readRecord(text.slice(from, end), line, from, glued !== null);
      if (glued === null) return;
      from = end;
    }
  }

  #readRecord(text: string, line: number, from: number, isCut: boolean): void {
    const parsed = parseHead(text);
    if (!parsed.ok) {
      if (this.#isNoRecord(text, line)) return;
      this.#tell(
        line,
        from + parsed.at + 1,
        `${parsed.missing} should stand here; a record is ` +
          '"task-pid [cpu] flags time: event: body". Was the file cut or edited?',
      );
      return;
    }
    const { head } = parsed;
    this.#head = head;
    const event = isCut ? eventNamed(head.column) : undefined;
    if (event === undefined) this.#readBody(text.slice(head.bodyAt), line, from, head);
    else {
      this.#scan.cells.fill(0);
      this.#sink.row({ event, cells: this.#scan.cells, line, head, isCut });
    }
  }

  /** Blank lines and those of a call graph, whose events are read here. */
  #isNoRecord(text: string, line: number): boolean {
    if (text.trim() === "" || GRAPH_SWITCH.test(text)) return true;
    const graph = GRAPH.exec(text);
    if (graph !== null) this.#readGraph(graph[1], line);
    return graph !== null;
  }

  #readBody(body: string, line: number, from: number, head: LineHead): void {
    const parsed = parseBody(head.column, body, this.#scan);
    if (parsed.kind === "event") {
      this.#rebuild(parsed.event, body);
      const { event } = parsed;
      this.#sink.row({ event, cells: this.#scan.cells, line, head, isCut: false });
    } else if (parsed.kind === "unknown") this.#sink.unknown?.(head.column, line);
    else {
      const { origin, name, firstWord } = parsed.event;
      const printed = origin === "mark" ? firstWord : name;
      this.#tell(
        line,
        from + head.bodyAt + parsed.at + 1,
        `${printed} does not go on ` +
          `like this in ${this.#scan.forms.name}. Was it cut, or is it another kernel's?`,
      );
    }
  }

  /** A cut fast_page_fault prints no flags: its code is that of the fault before it. */
  #rebuild(event: EventDeclaration, body: string): void {
    const { cells } = this.#scan;
    if (event.id === EVENTS.kvm_page_fault.id) {
      this.#faultCode.lo = cells[5] ?? 0;
      this.#faultCode.hi = cells[6] ?? 0;
    } else if (event.id === EVENTS.fast_page_fault.id && body.includes("error_code  sptep")) {
      cells[3] = this.#faultCode.lo;
      cells[4] = this.#scan.forms.fastErrorBits === 32 ? 0 : this.#faultCode.hi;
    }
  }
}

/** Reads a whole text. Stops after PROBLEM_LIMIT problems: then it is no trace of ours. */
export function readTraceText(
  text: string,
  forms: PrintForms,
  texts: Texts,
  sink: TraceSink,
): void {
  const reader = new TraceReader(forms, texts, sink);
  let line = 0;
  for (let from = 0; from < text.length && !reader.isGivingUp;) {
    const newline = text.indexOf("\n", from);
    const end = newline < 0 ? text.length : newline;
    line += 1;
    reader.readLine(text.slice(from, text.charCodeAt(end - 1) === 13 ? end - 1 : end), line);
    from = end + 1;
  }
}
