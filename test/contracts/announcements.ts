import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Announcements } from "../../src/ledger/announcements.ts";

/** What announcements promise on every database. */
export function announcementsContract(
  name: string,
  open: () => Promise<{ readonly announcements: Announcements } & AsyncDisposable>,
): void {
  describe(`${name} as announcements`, () => {
    const keysOf = (list: readonly { readonly key: string }[]) => list.map(({ key }) => key);

    test("names wait, each once, the oldest first, and each route's by themselves", async () => {
      await using opened = await open();
      const { announcements } = opened;
      assert.deepEqual(await announcements.next("a", 10), []);
      await announcements.add([]);
      const odd = ["x.jpg", "ü+%.jpg", "a'b\"c\\.jpg", "line\nbreak.jpg", "照片.jpg", "長".repeat(340)];
      for (const key of odd) await announcements.add([{ route: "a", key }]);
      await announcements.add([{ route: "b", key: "x.jpg" }]);
      assert.deepEqual(keysOf(await announcements.next("a", 10)), odd);
      assert.deepEqual(keysOf(await announcements.next("a", 2)), odd.slice(0, 2));
      assert.deepEqual(await announcements.waiting(), { a: odd.length, b: 1 });
      await announcements.done(await announcements.next("a", 5));
      assert.deepEqual(keysOf(await announcements.next("a", 10)), odd.slice(5));
      assert.deepEqual(keysOf(await announcements.next("b", 10)), ["x.jpg"]);
    });

    test("one that is announced again while it is looked at stays", async () => {
      await using opened = await open();
      const { announcements } = opened;
      await announcements.add(["x", "y", "x"].map((key) => ({ route: "a", key })));
      const looked = await announcements.next("a", 10);
      assert.deepEqual(keysOf(looked).sort(), ["x", "y"]);
      await announcements.add([{ route: "a", key: "x" }]);
      await announcements.done(looked);
      assert.deepEqual(keysOf(await announcements.next("a", 10)), ["x"]);
      await announcements.done([]);
      assert.deepEqual(await announcements.waiting(), { a: 1 });
    });

    test("those of a route that is there no more are let go of, and no others", async () => {
      await using opened = await open();
      const { announcements } = opened;
      for (const route of ["a", "b", "c'"]) await announcements.add([{ route, key: "x" }]);
      await announcements.forget([]);
      await announcements.forget(["a", "c'", "never"]);
      assert.deepEqual(await announcements.waiting(), { b: 1 });
      await announcements.add([{ route: "a", key: "x" }]);
      assert.deepEqual(keysOf(await announcements.next("a", 10)), ["x"]);
    });

    test("many that come at once, the same ones in every order, are all there", async () => {
      await using opened = await open();
      const { announcements } = opened;
      const names = Array.from({ length: 300 }, (_, index) => ({ route: "a", key: `${index}.jpg` }));
      await Promise.all([names, names.toReversed(), names.slice(100), names.slice(0, 200)].map(announcements.add));
      const waiting = await announcements.next("a", 1000);
      assert.equal(new Set(keysOf(waiting)).size, 300);
      assert.equal(waiting.length, 300);
      await announcements.done(waiting);
      assert.deepEqual(await announcements.waiting(), {});
    });
  });
}
