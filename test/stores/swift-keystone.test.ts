import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { swiftSettings } from "../../src/config/stores/swift.ts";
import type { Problem } from "../../src/errors.ts";
import { createSwiftStore } from "../../src/stores/swift.ts";
import { bodyOf, keysOf, withCode } from "../contracts/store.ts";
import { type KeystoneStandIn, startKeystoneStandIn } from "../fixtures/keystone-stand-in.ts";

const user = { username: "veil", password: "secret", project: "hospital", region: "north" };
const credential = { applicationCredential: "credential-1", key: "hidden", region: "south" };

function storeAt({ authUrl }: KeystoneStandIn, changes: Record<string, unknown>) {
  const settings = swiftSettings.parse({ kind: "swift", authUrl, container: "photos", ...changes });
  return createSwiftStore({ name: "archive", root: "", settings });
}

describe("the swift store and a stand-in for Keystone", () => {
  test("logs in with a password, or an application credential, and goes where the catalogue says", async () => {
    await using keystone = await startKeystoneStandIn();
    const ways = [
      [user, "north/public"],
      [credential, "south/public"],
      [{ ...user, interface: "internal" }, "north/internal"],
      [{ ...user, authUrl: `${keystone.authUrl}/v3/` }, "north/public"],
    ] as const;
    for (const [settings, where] of ways) {
      const store = storeAt(keystone, settings);
      assert.deepEqual(await keysOf(store), ["goodbye.jpg"]);
      assert.equal(keystone.asked.at(-1), where);
      await store.close();
    }
    assert.deepEqual(keystone.logins, ["password", "application_credential", "password", "password"]);
  });

  test("tells size, version and time as the listing has them", async () => {
    await using keystone = await startKeystoneStandIn();
    const store = storeAt(keystone, user);
    const version = "451e372e48e0f6b1114fa0724aa79fa1";
    const modifiedAt = Date.UTC(2014, 0, 15, 16, 41, 49, 390);
    const rows = await Array.fromAsync(store.list(""));
    assert.deepEqual(rows, [{ key: "goodbye.jpg", version, size: 14, modifiedAt }]);
    await store.close();
  });

  test("gets another token when the old one is refused, once for all who wait, and before it ends by itself", async () => {
    await using keystone = await startKeystoneStandIn();
    const store = storeAt(keystone, user);
    await keysOf(store);
    keystone.revoke();
    await Promise.all(Array.from({ length: 5 }, () => keysOf(store)));
    assert.equal(keystone.logins.length, 2);
    await store.close();
    await using hasty = await startKeystoneStandIn({ lifeMs: 0 });
    const other = storeAt(hasty, user);
    await keysOf(other);
    assert.ok(hasty.logins.length > 1);
    await other.close();
  });

  test("says that it is refused, and by what nothing is found, without a secret", async () => {
    await using keystone = await startKeystoneStandIn();
    const wrong = storeAt(keystone, { ...user, password: "wr0ng" });
    await assert.rejects(keysOf(wrong), (error: Problem) => {
      assert.equal(error.code, "store-denied");
      assert.ok(!JSON.stringify([error, error.message, error.stack]).includes("wr0ng"));
      return true;
    });
    const { region: _, ...nowhere } = user;
    for (const changes of [nowhere, { ...user, region: "west" }]) {
      await assert.rejects(keysOf(storeAt(keystone, changes)), (error: Problem) => {
        assert.equal(error.code, "invalid-config");
        assert.match(error.remedy ?? "", /north, south/);
        return true;
      });
    }
    const empty = storeAt(keystone, { ...user, container: "none" });
    await assert.rejects(keysOf(empty), withCode("store-unavailable"));
    await assert.rejects(empty.put("x", bodyOf("x"), { contentType: "image/jpeg" }), withCode("store-unavailable"));
  });
});
