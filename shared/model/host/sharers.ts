// Whether others map a folio too, as far as each kernel can tell.
// From: include/linux/mm.h (page_mapcount, folio_likely_mapped_shared, folio_maybe_mapped_shared),
// 6.1, 6.12 and 7.2.
import type { Kvm } from "../state/machine.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { childMaps } from "./wp.ts";

/** Of the page that an address leads to: 6.1 asks the page, 6.12 guesses, 7.x knows. */
export function isMappedShared(m: Kvm, pfn: number, hva: number): boolean {
  const { host } = m.kernel;
  if (host.movesByFollowPage) return page.page_mapcount(m, pfn) > 1;
  const head = page.headOf(m, pfn);
  const count = page.folio_mapcount(m, head);
  const view = page.pfn_to_page(m, head);
  if (count <= 1 || !page.isLarge(m, head) || view.isHugetlb !== 0) return count > 1;
  if (host.knowsFolioSharers) return childMaps(m, head, hva);
  return view._entire_mapcount > 0 || count > pt.PMD_PAGES || view._mapcount > 1;
}
