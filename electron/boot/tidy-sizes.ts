// Tidy rules about size: files, functions, parameters, nesting, line width, headers.
// Limits are the house's own; tables of data and the kernels' files have no length limit.
// Each rule has a case in tidy.test.ts that must fail.
import ts from "typescript";
import {
  isTest,
  lastLineOf,
  lineOf,
  walk,
  type Complaint,
  type Rule,
  type Source,
} from "./tidy-source.ts";

const FILE_LINES = 600;
const TEST_LINES = 700;
const VUE_LINES = 350;
const VUE_SCRIPT_LINES = 180;
const FUNCTION_LINES = 70;
/** A function that only holds others around a common state. */
const CLOSURE_LINES = 180;
const PARAMETERS = 5;
const NESTING = 4;
const COLUMNS = 100;
const HEADER_LINES = 6;
/** Files whose functions may take more, with the reason. */
const WIDE = new Map([
  ["shared/engine/machine.ts", "one number a column: an object for each row would double its cost"],
]);

const isData = (path: string) =>
  path.endsWith(".table.ts") || path.startsWith("shared/model/kernels/");

export const fileSize: Rule = (source) => {
  if (isData(source.path) || !/\.(ts|mjs|cjs|vue|css)$/.test(source.path)) return [];
  const limit = source.path.endsWith(".vue") ? VUE_LINES : isTest(source) ? TEST_LINES : FILE_LINES;
  const count = source.lines.length - 1;
  if (count <= limit) return [];
  return [{ line: limit + 1, text: `${count} lines, at most ${limit}: split it by idea` }];
};

export const scriptSize: Rule = (source) => {
  if (!source.path.endsWith(".vue")) return [];
  const first = source.lines.findIndex((line) => line.startsWith("<script"));
  const last = source.lines.findIndex((line) => line.startsWith("</script"));
  const count = last - first - 1;
  if (first < 0 || count <= VUE_SCRIPT_LINES) return [];
  const text = `script of ${count} lines, at most ${VUE_SCRIPT_LINES}: move logic to a module`;
  return [{ line: first + 1, text }];
};

type FunctionNode = ts.FunctionLikeDeclaration & { body: ts.Node };

const isFunction = (node: ts.Node): node is FunctionNode =>
  ts.isFunctionLike(node) && "body" in node && node.body !== undefined;

/** A `describe` groups tests; it is no function that anyone reads as one. */
const isGroup = (node: ts.Node): boolean =>
  ts.isCallExpression(node.parent) && node.parent.expression.getText().startsWith("describe");

function eachFunction(source: Source, see: (node: FunctionNode) => Complaint[]): Complaint[] {
  const found: Complaint[] = [];
  walk(source, (node) => {
    if (isFunction(node)) found.push(...see(node));
  });
  return found;
}

export const functionSize: Rule = (source) =>
  eachFunction(source, (node) => {
    if (isGroup(node) || isData(source.path)) return [];
    const whole = linesOf(source, node);
    const own = whole - innerLines(source, node);
    if (own <= FUNCTION_LINES && whole <= CLOSURE_LINES) return [];
    const [count, limit] = own > FUNCTION_LINES ? [own, FUNCTION_LINES] : [whole, CLOSURE_LINES];
    const text = `function of ${count} lines, at most ${limit}: give its parts names`;
    return [{ line: lineOf(source, node), text }];
  });

const linesOf = (source: Source, node: ts.Node): number =>
  lastLineOf(source, node) - lineOf(source, node) + 1;

/** Lines of the functions inside: each is measured by itself, as a class's methods are. */
function innerLines(source: Source, outer: ts.Node): number {
  let count = 0;
  const visit = (node: ts.Node): void => {
    if (isFunction(node)) count += linesOf(source, node) - 1;
    else ts.forEachChild(node, visit);
  };
  ts.forEachChild(outer, visit);
  return count;
}

export const parameterCount: Rule = (source) =>
  eachFunction(source, (node) => {
    const count = node.parameters.length - (isMachine(node.parameters[0]) ? 1 : 0);
    if (count <= PARAMETERS || WIDE.has(source.path)) return [];
    const text = `${count} parameters, at most ${PARAMETERS}: use an object`;
    return [{ line: lineOf(source, node), text }];
  });

/**
 * The machine goes first through every function of the model, as `kvm` and `vcpu` do in the kernel.
 */
const isMachine = (parameter: ts.ParameterDeclaration | undefined): boolean =>
  parameter?.name.getText() === "m";

const isNesting = (node: ts.Node): boolean =>
  ts.isIterationStatement(node, false) ||
  ts.isSwitchStatement(node) ||
  ts.isTryStatement(node) ||
  (ts.isIfStatement(node) && !isElseIf(node));

const isElseIf = (node: ts.IfStatement): boolean =>
  ts.isIfStatement(node.parent) && node.parent.elseStatement === node;

export const nesting: Rule = (source) => {
  const found: Complaint[] = [];
  const visit = (node: ts.Node, depth: number): void => {
    const inner = isFunction(node) ? 0 : depth + (isNesting(node) ? 1 : 0);
    if (inner === NESTING + 1 && isNesting(node)) {
      const text = `nested ${inner} deep, at most ${NESTING}: leave early or give it a name`;
      found.push({ line: lineOf(source, node), text });
    }
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  if (source.script !== null) visit(source.script, 0);
  return found;
};

export const lineWidth: Rule = (source) => {
  if (!/\.(ts|mjs|cjs|vue|css)$/.test(source.path)) return [];
  return source.lines.flatMap((line, index) =>
    line.length <= COLUMNS
      ? []
      : [{ line: index + 1, text: `${line.length} columns, at most ${COLUMNS}: break the line` }],
  );
};

/** A file says at its top what it stands for: lines of one comment, before anything else. */
export const header: Rule = (source) => {
  if (!/\.(ts|mjs|cjs|vue|css)$/.test(source.path)) return [];
  const count = headerLines(source);
  if (count >= 1 && count <= HEADER_LINES) return [];
  const text = `header of ${count} lines, 1 to ${HEADER_LINES}: what it stands for, promises, from`;
  return [{ line: 1, text }];
};

function headerLines({ path, lines }: Source): number {
  const start = path.endsWith(".vue") ? 1 : 0; // after <script>
  if (lines[start]?.startsWith("//")) {
    const end = lines.findIndex((line, index) => index >= start && !line.startsWith("//"));
    return end - start;
  }
  const [opening, closing] = path.endsWith(".vue") ? ["<!--", "-->"] : ["/*", "*/"];
  if (!lines[0]?.startsWith(opening)) return 0;
  return lines.findIndex((line) => line.includes(closing)) + 1;
}
