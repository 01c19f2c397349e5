// Linux 7.3 as data: the profile of 7.2 but for one rule of fast GUP. Witness: Debian's
// 7.3.4. From: mm/gup.c (gup_fast_folio_allowed), 7.3 against 7.2; the MMU's code is the
// same.
import { LINUX_7_2 } from "./linux-7.2.ts";
import type { KernelProfile } from "./profile.ts";

export const LINUX_7_3: KernelProfile = {
  ...LINUX_7_2,
  id: "7.3",
  title: "Linux 7.3",
  witness: "7.3.4",
  gupFastTakesUnmapped: true,
};
