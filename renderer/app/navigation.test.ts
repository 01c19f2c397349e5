// Back and forward walk the places that were shown; each screen comes back as it was left.
// What is patched without being remembered is no place of its own.
// From: navigation.ts.
import { createPinia, setActivePinia } from "pinia";
import { beforeEach, expect, test } from "vitest";
import { address } from "./address.ts";
import { useNavigation } from "./navigation.ts";

beforeEach(() => setActivePinia(createPinia()));

test("a new place after going back ends the way forward", () => {
  const navigation = useNavigation();
  navigation.goText("runs");
  navigation.goText("run/7f");
  navigation.back();
  expect(navigation.canGoForward).toBe(true);
  navigation.goText("compare");
  expect([navigation.text, navigation.canGoForward]).toEqual(["compare", false]);
});

test("text that names no screen changes nothing", () => {
  const navigation = useNavigation();
  expect(navigation.goText("??")).toBe(false);
  expect(navigation.current.screen).toBe("welcome");
  expect(navigation.canGoBack).toBe(false);
});

test("a patch that is not remembered keeps the history short", () => {
  const navigation = useNavigation();
  navigation.go(address("runs"));
  navigation.patch({ q: "tail" }, { remember: false });
  navigation.goScreen("compare");
  navigation.goScreen("runs");
  expect(navigation.text).toBe("runs?q=tail");
  navigation.back();
  navigation.back();
  navigation.back();
  expect(navigation.text).toBe("welcome");
});

test("history is bounded", () => {
  const navigation = useNavigation();
  for (let event = 0; event < 500; event++) navigation.patch({ event: String(event) });
  let steps = 0;
  while (navigation.canGoBack && steps < 1000) {
    navigation.back();
    steps++;
  }
  expect(steps).toBe(200);
});
