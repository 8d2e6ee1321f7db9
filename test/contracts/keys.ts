import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Keys, StoredKey } from "../../src/ledger/keys.ts";

const key = (id: string, more: Partial<StoredKey> = {}): StoredKey => ({
  ...{ id, kind: "key", name: `the name of ${id}`, roles: ["submit", "read"], hash: "00", createdAt: 1000, ...more },
});

/** What keys and sessions promise on every database. */
export function keysContract(name: string, open: () => Promise<{ readonly keys: Keys } & AsyncDisposable>): void {
  describe(`${name} as keys`, () => {
    test("a key is found as it was added, listed the newest first, and gone for good once revoked", async () => {
      await using opened = await open();
      const { keys } = opened;
      assert.equal(await keys.get("a"), undefined);
      await keys.add(key("a"));
      await keys.add(key("b", { createdAt: 2000, expiresAt: 9000 }));
      assert.deepEqual(await keys.get("a"), key("a"));
      assert.deepEqual(
        (await keys.list()).map(({ id }) => id),
        ["b", "a"],
      );
      assert.deepEqual([await keys.revoke("a", 5000), await keys.revoke("a", 6000)], [true, false]);
      assert.equal(await keys.revoke("c", 5000), false);
      assert.equal((await keys.get("a"))?.revokedAt, 5000);
      await keys.add(key("begun", { kind: "session", parent: "b", expiresAt: 9000 }));
      assert.equal(await keys.revoke("b", 3000), true);
      assert.equal((await keys.get("begun"))?.revokedAt, 3000, "a session outlives its key");
      await keys.used("b", 4000);
      assert.equal((await keys.get("b"))?.usedAt, 4000);
    });

    test("only a key that is good then counts as one: no session, nothing revoked or expired", async () => {
      await using opened = await open();
      const { keys } = opened;
      await keys.add(key("session", { kind: "session", expiresAt: 9000 }));
      assert.equal(await keys.any(2000), false);
      await keys.add(key("a", { expiresAt: 3000 }));
      assert.deepEqual([await keys.any(2000), await keys.any(3000)], [true, false]);
      await keys.revoke("a", 1500);
      assert.equal(await keys.any(2000), false);
    });

    test("sessions that have ended are forgotten, keys never", async () => {
      await using opened = await open();
      const { keys } = opened;
      await keys.add(key("old", { kind: "session", expiresAt: 2000 }));
      await keys.add(key("left", { kind: "session", expiresAt: 9000 }));
      await keys.revoke("left", 1500);
      await keys.add(key("new", { kind: "session", expiresAt: 9000 }));
      await keys.add(key("a", { expiresAt: 2000 }));
      await keys.forget(3000);
      const left = await Promise.all(["old", "left", "new", "a"].map(async (id) => (await keys.get(id))?.id));
      assert.deepEqual(left, [undefined, undefined, "new", "a"]);
      assert.deepEqual(
        (await keys.list()).map(({ id }) => id),
        ["a"],
      );
    });
  });
}
