// Tidy rules about words: what never lands, what shared/ may not touch, whose names have
// underscores, raw colours and times outside the tokens, paths of somebody's machine.
// Each rule has a case in tidy.test.ts that must fail.
import ts from "typescript";
import { isTest, lineOf, walk, type Complaint, type Rule, type Source } from "./tidy-source.ts";

interface Ban {
  pattern: RegExp;
  advice: string;
  where?: (source: Source) => boolean;
}

const inShared = (source: Source) => source.path.startsWith("shared/") && !isTest(source);
const inPage = ({ path }: Source) => path.startsWith("renderer/");
const isStyled = (source: Source) =>
  inPage(source) && /\.(vue|css)$/.test(source.path) && source.path !== "renderer/theme/tokens.css";

/** Patterns are split where they would otherwise find themselves. */
const BANS: Ban[] = [
  { pattern: /\bconsole\.log\b/, advice: "write to a stream or return the text" },
  { pattern: /\b(TODO|FIXME|XXX)\b/, advice: "do it, or write it down as an issue" },
  { pattern: /^\s*debugger\b/, advice: "remove it" },
  { pattern: /\bas any\b/, advice: "name the type, or use unknown and a schema" },
  {
    pattern: /@ts-(ignore|nocheck)|(es|ox)lint-disable(?!.* -- )/,
    advice: "mend it, or say why after --",
  },
  { pattern: /\b(test|it|describe)\.(only|skip|todo)\b/, advice: "every test runs" },
  { pattern: /\bv-html\b/, advice: "text enters the page as text", where: inPage },
  { pattern: /!important\b/, advice: "lower the other rule's weight", where: inPage },
  { pattern: /\bMath\.random\b/, advice: "take the run's seeded generator", where: inShared },
  { pattern: /\bnew Date\b|\bDate\.[a-z]/i, advice: "shared/ has no clock", where: inShared },
  { pattern: /\bperformance\.now\b/, advice: "shared/ has no clock", where: inShared },
  {
    pattern: /(?<!&)#[0-9a-fA-F]{3,8}\b(?=[^{]*[;,)]|$)|\b(rgb|hsl|oklch)a?\(/,
    advice: "take a colour of the tokens",
    where: isStyled,
  },
  { pattern: /font(-size)?:[^;]*\b\d+px/, advice: "take a size of the tokens", where: isStyled },
  {
    pattern: /(transition|animation)[^;]*\b\d+m?s\b/,
    advice: "take a time of the tokens",
    where: isStyled,
  },
  { pattern: /["'`(\s=]\/(work|farm|root)\/[a-z.]/, advice: "no path of one machine" },
];

const RULE_FILES = /^electron\/boot\/tidy/;

export const bannedWords: Rule = (source) => {
  if (RULE_FILES.test(source.path)) return []; // they must name what they ban
  const bans = BANS.filter(({ where }) => where === undefined || where(source));
  return source.lines.flatMap((line, index) =>
    bans
      .filter(({ pattern }) => pattern.test(line))
      .map(({ pattern, advice }) => {
        const word = pattern.exec(line)?.[0].trim() ?? "";
        return { line: index + 1, text: `"${word}": ${advice}` };
      }),
  );
};

const KERNEL_ROOMS = /^shared\/(model|events|verify|rules)\//;
const SNAKE = /^_*[a-z][a-z0-9]*_[a-z0-9_]+$/;

/** Names with underscores are the kernel's; only rooms that speak of the kernel declare them. */
export const snakeCase: Rule = (source) => {
  if (KERNEL_ROOMS.test(source.path) || source.path.endsWith(".table.ts")) return [];
  const found: Complaint[] = [];
  walk(source, (node) => {
    const name = declaredName(node);
    if (name === null || !SNAKE.test(name.text)) return;
    const text = `"${name.text}" looks like a kernel's name: write it in camelCase`;
    found.push({ line: lineOf(source, name), text });
  });
  return found;
};

function declaredName(node: ts.Node): ts.Identifier | null {
  const declares =
    ts.isVariableDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isParameter(node) ||
    ts.isPropertySignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node);
  return declares && node.name !== undefined && ts.isIdentifier(node.name) ? node.name : null;
}
