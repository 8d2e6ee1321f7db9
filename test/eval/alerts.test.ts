import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { alertsOf } from "../../src/eval/alerts.ts";
import { acceptBaseline, keepCard, readHistory } from "../../src/eval/history.ts";
import { madeCard, sliceOf } from "./cards.ts";

const baseline = madeCard("2026-03-01T02:00:00.000Z", [sliceOf("all", 200, 20), sliceOf("height=16-32", 40, 8)]);
const later = (...slices: Parameters<typeof madeCard>[1]) => madeCard("2026-03-08T02:00:00.000Z", slices);

describe("an alert", () => {
  test("comes where a slice falls below the baseline's lower bound, and only there", () => {
    const bound = baseline.slices[0]!.lowerBound;
    const just = Math.floor(200 * (1 - bound));
    assert.deepEqual(alertsOf(later(sliceOf("all", 200, just), sliceOf("height=16-32", 40, 8)), baseline), []);
    const [alert, ...others] = alertsOf(later(sliceOf("all", 200, just + 1), sliceOf("height=16-32", 40, 0)), baseline);
    assert.deepEqual([alert?.slice, others], ["all", []]);
    assert.match(alert!.message, /^all: 8\d\.\d % of the faces were masked, less than 8\d\.\d %.*2026-03-01/);
  });

  test("comes where a slice is no longer measured, and where more pictures fail", () => {
    const [gone] = alertsOf(later(sliceOf("all", 200, 20)), baseline);
    assert.match(gone!.message, /^height=16-32: no face was measured/);
    const notMeasured = [{ file: "a.jpg", code: "unreadable", message: "cut" }];
    const failed = alertsOf({ ...baseline, notMeasured }, baseline);
    assert.deepEqual(
      failed.map(({ slice }) => slice),
      ["pictures"],
    );
  });

  test("says that nothing can be compared where the truth is another, or another part of it", () => {
    const files = [{ name: "truth.jsonl", sha256: "ee".repeat(32) }];
    for (const truth of [
      { ...baseline.truth, files },
      { ...baseline.truth, half: "tune" as const },
    ]) {
      const alerts = alertsOf({ ...baseline, truth }, baseline);
      assert.deepEqual(
        alerts.map(({ slice }) => slice),
        ["truth"],
      );
    }
  });
});

describe("what is kept", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "veil-history-"));
  });
  after(() => rm(folder, { recursive: true }));

  test("nothing where there is no folder yet", async () => {
    assert.deepEqual(await readHistory(join(folder, "none")), { cards: [], baseline: undefined, faults: [] });
  });

  test("the first card is the baseline until another is accepted; the oldest go; the owner alone reads them", async () => {
    const place = join(folder, "eval");
    const cards = ["01", "02", "03", "04"].map((day) =>
      madeCard(`2026-03-${day}T02:00:00.000Z`, [sliceOf("all", 200, Number(day))]),
    );
    for (const card of cards) await keepCard(place, card, 3);
    const history = await readHistory(place);
    assert.deepEqual(history.cards, cards.slice(1));
    assert.deepEqual(history.baseline, cards[0]);
    await acceptBaseline(place, cards[3]!);
    assert.deepEqual((await readHistory(place)).baseline, cards[3]);
    for (const name of await readdir(place)) assert.equal((await stat(join(place, name))).mode & 0o777, 0o600);
    assert.equal((await stat(place)).mode & 0o777, 0o700);
  });

  test("a file of another version or none is named and left alone", async () => {
    const place = join(folder, "eval");
    await writeFile(join(place, "2026-04-01T02-00-00.000Z.json"), '{"schema":"veil-eval/9"}');
    await writeFile(join(place, "notes.json"), "mine");
    const { cards, faults } = await readHistory(place);
    assert.equal(cards.length, 3);
    assert.equal(faults.length, 1);
    assert.match(faults[0]!, /2026-04-01T02-00-00\.000Z\.json: expected a card of veil-eval\/1/);
    assert.ok((await readdir(place)).includes("notes.json"));
  });
});
