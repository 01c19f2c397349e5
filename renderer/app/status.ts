// What the status bar says: the screen on show provides its items, the frame adds the workers.
// Promises: the items of a screen go when it goes, even when the next screen is there already.
// From: the frame of the user interface.
import { computed, type MaybeRefOrGetter, onScopeDispose, shallowRef, toValue } from "vue";

export interface StatusItem {
  readonly text: string;
  readonly verdict?: string; // a verdict word puts its glyph before the text
  readonly isMono?: boolean;
}

export interface Status {
  readonly left: readonly StatusItem[];
  readonly right: readonly StatusItem[];
}

const EMPTY: Status = { left: [], right: [] };
const source = shallowRef<{ items: MaybeRefOrGetter<Status> } | null>(null);

/** Shows items until the calling screen goes away. */
export function useStatus(items: MaybeRefOrGetter<Status>): void {
  const mine = { items };
  source.value = mine;
  onScopeDispose(() => {
    if (source.value === mine) source.value = null;
  });
}

export const currentStatus = computed(() =>
  source.value === null ? EMPTY : toValue(source.value.items),
);
