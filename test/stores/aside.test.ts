import assert from "node:assert/strict";
import { posix } from "node:path";
import { describe, test } from "node:test";
import { isSystemName } from "../../src/core/system-name.ts";
import { asideOf, ownNameOf } from "../../src/stores/aside.ts";
import { isTemporary } from "../../src/stores/key.ts";
import { oddKeys } from "../contracts/odd-keys.ts";

describe("the name of a file that lies aside", () => {
  test("says what its own is, whatever that is, and lies beside it with its ending", () => {
    for (const key of [...oddKeys, asideOf("a/x.jpg", "1")]) {
      const aside = asideOf(key, "1-2");
      assert.equal(ownNameOf(aside), key);
      assert.equal(posix.dirname(aside), posix.dirname(key));
      for (const part of aside.split("/")) assert.ok(!isSystemName(part) && !isTemporary(part), part);
    }
    assert.match(asideOf("a/x.jpg", "1-2"), /^a\/x~removing-[0-9a-f]{8}\.jpg$/);
  });

  test("is the same for the same version, and another one for another", () => {
    assert.equal(asideOf("x.jpg", "1"), asideOf("x.jpg", "1"));
    assert.notEqual(asideOf("x.jpg", "1"), asideOf("x.jpg", "2"));
  });

  test("is no name that only looks a little like it", () => {
    const others = [
      ...["x.jpg", "x~removing-.jpg", "x~removing-1234567.jpg", "x~removing-123456789.jpg", "x~removing-1234567G.jpg"],
      ...["x~removing-12345678.tar.gz", "x~removing-12345678/y.jpg", "~removing-12345678.jpg", "a/~removing-12345678"],
    ];
    for (const key of others) assert.equal(ownNameOf(key), undefined, key);
  });
});
