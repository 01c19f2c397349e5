// The address string must survive being printed, copied and pasted, for every screen and text,
// and must never throw on what people type.
// From: the address grammar of the user interface.
import fc from "fast-check";
import { expect, test } from "vitest";
import { address, linkText, parseAddress, printAddress, withParams } from "./address.ts";

const key = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const value = fc.string({ unit: "binary", minLength: 1, maxLength: 30 });

test("parse undoes print for every address", () => {
  const screens = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
  const places = fc.record({
    screen: screens,
    id: fc.string({ unit: "grapheme", maxLength: 20 }),
    params: fc.dictionary(key, value, { maxKeys: 8, noNullPrototype: true }),
  });
  fc.assert(
    fc.property(places, (place) => {
      expect(parseAddress(printAddress(place))).toEqual(place);
      expect(parseAddress(linkText(place))).toEqual(place);
    }),
  );
});

test("any text gives an address or null, never a throw", () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => void parseAddress(text)));
  expect(parseAddress("")).toBeNull();
  expect(parseAddress("??")).toBeNull();
});

test("a broken key spoils only itself", () => {
  expect(parseAddress("run/7f2c91?event=18&=x&%%=1&gfn=%zz&later=1")).toEqual(
    address("run", "7f2c91", { event: "18", gfn: "%zz", later: "1" }),
  );
});

test("addresses stay readable", () => {
  const text = "compare?a=7f2c8e&b=7f2c91&at=14:13";
  expect(printAddress(address("compare", "", { a: "7f2c8e", b: "7f2c91", at: "14:13" }))).toBe(
    text,
  );
  expect(printAddress(address("run", "1", { f: "kind:R get" }))).toBe("run/1?f=kind:R+get");
});

test("an empty value removes a key", () => {
  const place = address("run", "1", { event: "3", gfn: "10" });
  expect(withParams(place, { event: null, gfn: "", pfn: "2" }).params).toEqual({ pfn: "2" });
});
