import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Pauses } from "../../src/ledger/pauses.ts";

/** What pauses promise on every database. */
export function pausesContract(name: string, open: () => Promise<{ readonly pauses: Pauses } & AsyncDisposable>): void {
  describe(`${name} as pauses`, () => {
    test("routes and everything are paused once each, and go on one by one or together", async () => {
      await using opened = await open();
      const { pauses } = opened;
      assert.deepEqual(await pauses.read(), { all: false, routes: [] });
      for (const route of ["b", "a", "a"]) await pauses.pause(route);
      assert.deepEqual(await pauses.read(), { all: false, routes: ["a", "b"] });
      await pauses.resume("b");
      await pauses.pause();
      assert.deepEqual(await pauses.read(), { all: true, routes: ["a"] });
      await pauses.resume();
      assert.deepEqual(await pauses.read(), { all: false, routes: [] });
    });
  });
}
