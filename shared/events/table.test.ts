// The table of events: each event prints
// and parses back, whatever its fields
// hold.
import fc from "fast-check";
import { expect, test } from "vitest";
import { CELLS } from "./declare.ts";
import { FORMS_6_1, FORMS_6_12, FORMS_7 } from "./forms.ts";
import { makeScan, parseBody, printBody } from "./print.ts";
import { decode, encode } from "./record.ts";
import { allEvents, EVENT_ARITY, EventId, eventOf, EVENTS, MOST_CELLS } from "./table.ts";
import { makeTexts } from "./texts.ts";

const FORMS = [FORMS_6_1, FORMS_6_12, FORMS_7];

test("every event has its own number, a meaning, and cells that fit a scratch array", () => {
  const ids = allEvents().map((event) => event.id);
  expect(new Set(ids).size).toBe(Object.keys(EVENTS).length);
  for (const event of allEvents()) {
    expect(event.meaning).toMatch(/^[A-Z].*\.$/);
    expect(event.arity).toBeLessThanOrEqual(MOST_CELLS);
    expect(EVENT_ARITY[event.id]).toBe(event.arity);
    const fields = event.slots.map((slot) => slot.name);
    expect(fields).toEqual(expect.arrayContaining(Object.keys(event.identities)));
  }
});

test("slots lie one after the other in the order of the fields", () => {
  for (const event of allEvents()) {
    let at = 0;
    for (const slot of event.slots) {
      expect(slot).toMatchObject({ at });
      at += CELLS[slot.kind];
    }
    expect(event.arity).toBe(at);
  }
});

test("whatever the cells, a printed body is either read back as the same text or refused", () => {
  const anyCells = fc.array(fc.oneof(fc.integer({ min: 0, max: 24 }), fc.maxSafeInteger()), {
    minLength: MOST_CELLS,
    maxLength: MOST_CELLS,
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...allEvents()),
      fc.constantFrom(...FORMS),
      anyCells,
      (event, forms, values) => {
        const texts = makeTexts(["a", "0x1 2", "x y"]);
        const scan = makeScan(forms, texts);
        const body = printBody(event.id, Int32Array.from(values), 0, scan);
        const parsed = parseBody(event.name, body, scan);
        if (parsed.kind !== "event") return;
        expect(printBody(parsed.event.id, scan.cells, 0, scan)).toBe(body);
      },
    ),
    { numRuns: 3000 },
  );
});

test("encode and decode are inverses", () => {
  const texts = makeTexts();
  const values = {
    as_id: 0,
    gfn: 0x1_0000_0001,
    level: 2,
    old_spte: { lo: 0, hi: -0x80000000 },
    new_spte: { lo: 0x8098827, hi: 0 },
  };
  const cells = encode(EVENTS.kvm_tdp_mmu_spte_changed, values, texts);
  expect(Array.from(cells)).toEqual([0, 1, 1, 2, 0, -0x80000000, 0x8098827, 0]);
  expect(decode(EVENTS.kvm_tdp_mmu_spte_changed, cells, 0, texts)).toEqual(values);
  const step = { n: 3, plan: "gread D" };
  expect(decode(EVENTS.labStep, encode(EVENTS.labStep, step, texts), 0, texts)).toEqual(step);
});

test("the letter of a changed entry tells setting from zapping", () => {
  const letter = (newLow: number) =>
    eventOf(EventId.kvm_tdp_mmu_spte_changed)?.letter(
      Int32Array.from([0, 0, 0, 1, 0, 0, newLow, 0]),
      0,
    );
  expect(letter(0x373e825)).toBe("S");
  expect(letter(0x5a0)).toBe("Z");
});
