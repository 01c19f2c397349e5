// What is typed over lists, taken apart into words with their keys and signs.
// From: the product's filters over runs and events.
// Search fields: phrases, keys, signs, and odd ends.
import { expect, test } from "vitest";
import { queryWords } from "./query-words.ts";

test("words, phrases, keys and signs are told apart", () => {
  expect(queryWords('a  "b c" title:"d e" -x !Kind:K')).toEqual([
    { isTurned: false, key: "", value: "a", text: "a" },
    { isTurned: false, key: "", value: "b c", text: "b c" },
    { isTurned: false, key: "title", value: "d e", text: "title:d e" },
    { isTurned: true, key: "", value: "x", text: "x" },
    { isTurned: true, key: "kind", value: "K", text: "Kind:K" },
  ]);
});

test("lone signs, open quotes and colons do no harm", () => {
  expect(queryWords('- ! "" "open end').map(({ text }) => text)).toEqual(["-", "!", "open end"]);
  expect(queryWords(":x a:").map(({ key, value }) => [key, value])).toEqual([
    ["", "x"],
    ["a", ""],
  ]);
  expect(queryWords("w ".repeat(500))).toHaveLength(40);
});
