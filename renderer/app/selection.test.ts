// Selection and address are two readings of one state: what is selected is in the address, and
// an address selects what it names.
// From: the selection and address tables of the user interface.
import fc from "fast-check";
import { createPinia, setActivePinia } from "pinia";
import { beforeEach, expect, test } from "vitest";
import { address, parseAddress, printAddress, withParams } from "./address.ts";
import { useNavigation } from "./navigation.ts";
import { readSelection, selectionParams, useSelection } from "./selection.ts";

beforeEach(() => setActivePinia(createPinia()));

const orNull = <T,>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });
const anySelection = fc.record({
  run: fc.constant("7f2c91"),
  event: orNull(fc.nat()),
  tick: orNull(fc.nat()),
  gfn: orNull(fc.nat()),
  pfn: orNull(fc.nat()),
  gva: orNull(fc.constantFrom("40001000", "ffff888000000000", "0")),
  page: orNull(fc.constantFrom("a", "tail+1")),
  entry: orNull(
    fc.record({
      tree: fc.constantFrom("guest" as const, "tdp" as const, "shadow" as const, "host" as const),
      level: fc.integer({ min: 1, max: 5 }),
      index: fc.integer({ min: 0, max: 511 }),
    }),
  ),
  fn: orNull(fc.constantFrom("make_spte", "kvm_tdp_mmu_map")),
  range: fc.constantFrom(null, [1, 40] as const),
  filter: fc.constantFrom("", "kind:R fn:get", "a & b = c"),
});

test("a selection read from its own address is the same selection", () => {
  fc.assert(
    fc.property(anySelection, (selection) => {
      const place = withParams(address("run", selection.run), selectionParams(selection));
      expect(readSelection(parseAddress(printAddress(place)))).toEqual(selection);
    }),
  );
});

test("a broken part selects nothing and leaves the others alone", () => {
  const read = readSelection(parseAddress("run/7f?event=x&entry=tdp.9.1&gfn=0x1_0001&range=9-3"));
  expect(read).toMatchObject({ run: "7f", event: null, entry: null, gfn: 0x10001, range: null });
});

test("selecting an event goes back and forward", () => {
  const navigation = useNavigation();
  navigation.go(address("run", "7f2c91", { event: "3" }));
  const store = useSelection();
  store.select({ event: 8, pfn: 0x6ee1 });
  expect(navigation.text).toBe("run/7f2c91?event=8&pfn=0x6ee1");
  navigation.back();
  expect(store.selection.event).toBe(3);
  navigation.forward();
  expect(store.selection).toMatchObject({ event: 8, pfn: 0x6ee1 });
});

test("a tick replaces the event, an event the tick", () => {
  useNavigation().go(address("run", "7f2c91", { event: "3" }));
  const store = useSelection();
  store.select({ tick: 400 });
  expect(store.selection).toMatchObject({ event: null, tick: 400 });
  store.select({ event: 9 });
  expect(store.selection).toMatchObject({ event: 9, tick: null });
});

test("the selection stays while another screen is shown", () => {
  const navigation = useNavigation();
  navigation.go(address("run", "7f2c91", { event: "3" }));
  navigation.goScreen("runs");
  expect(useSelection().selection.event).toBe(3);
  navigation.goScreen("run");
  expect(navigation.text).toBe("run/7f2c91?event=3");
});
