// Where the window is: one address, its history, and the last address of each screen.
// The address is the state: the selection and each screen's parameters are read from it and
// written to it.
// Promises: back and forward are at most 200 deep; a screen comes back as it was left.
import { defineStore } from "pinia";
import { computed, shallowRef } from "vue";
import {
  type Address,
  HOME,
  parseAddress,
  printAddress,
  sameAddress,
  withParams,
} from "./address.ts";

const HISTORY = 200;

export const useNavigation = defineStore("navigation", () => {
  const current = shallowRef<Address>(HOME);
  const past = shallowRef<readonly Address[]>([]);
  const future = shallowRef<readonly Address[]>([]);
  const lastOf = new Map<string, Address>();

  const text = computed(() => printAddress(current.value));

  function show(place: Address): void {
    current.value = place;
    lastOf.set(place.screen, place);
  }

  /** Goes to an address and remembers where we were. */
  function go(place: Address): void {
    if (sameAddress(place, current.value)) return;
    past.value = [...past.value, current.value].slice(-HISTORY);
    future.value = [];
    show(place);
  }

  /** Goes to a typed address; false when it names no screen. */
  function goText(typed: string): boolean {
    const place = parseAddress(typed);
    if (place === null) return false;
    go(place);
    return true;
  }

  /** Goes to a screen as it was left, or to its start. */
  const goScreen = (screen: string): void =>
    go(lastOf.get(screen) ?? { screen, id: "", params: {} });

  /** Changes parameters of the current place. `remember: false` keeps it out of the history. */
  function patch(changes: Record<string, string | null>, options = { remember: true }): void {
    const place = withParams(current.value, changes);
    if (options.remember) go(place);
    else show(place);
  }

  function back(): void {
    const place = past.value.at(-1);
    if (place === undefined) return;
    past.value = past.value.slice(0, -1);
    future.value = [current.value, ...future.value];
    show(place);
  }

  function forward(): void {
    const place = future.value[0];
    if (place === undefined) return;
    future.value = future.value.slice(1);
    past.value = [...past.value, current.value];
    show(place);
  }

  const lastAddress = (screen: string): Address | null => lastOf.get(screen) ?? null;
  const canGoBack = computed(() => past.value.length > 0);
  const canGoForward = computed(() => future.value.length > 0);

  return {
    current,
    text,
    canGoBack,
    canGoForward,
    go,
    goText,
    goScreen,
    patch,
    back,
    forward,
    show,
    lastAddress,
  };
});
