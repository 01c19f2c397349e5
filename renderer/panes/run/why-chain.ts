// The nodes of a cause chain as they are shown: plain copies between two makers fold into one
// line. Pure. A plain copy moves a value on without changing it. The newest write and the input
// are never folded.
// From: the why chain's rules of the user interface.
import type { Output } from "#shared/contract/methods";

export type WhyLink = Output<"state.why">["chain"][number];
type WhyNode =
  | { readonly kind: "write"; readonly link: WhyLink }
  | { readonly kind: "fold"; readonly count: number };

const LEAST_FOLDED = 2;

export function foldChain(chain: readonly WhyLink[], isOpen: boolean): WhyNode[] {
  const nodes: WhyNode[] = [];
  let copies: WhyLink[] = [];
  const flush = (): void => {
    const count = copies.length;
    if (count >= LEAST_FOLDED && !isOpen) nodes.push({ kind: "fold", count });
    else nodes.push(...copies.map((link) => ({ kind: "write" as const, link })));
    copies = [];
  };
  chain.forEach((link, n) => {
    const isEnd = n === 0 || n === chain.length - 1 || link.isInput;
    if (!isEnd && link.old === link.new) copies.push(link);
    else {
      flush();
      nodes.push({ kind: "write", link });
    }
  });
  flush();
  return nodes;
}
