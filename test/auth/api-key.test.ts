import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mintKey, principalOfKey } from "../../src/auth/api-key.ts";
import { subjectId } from "../../src/core/access.ts";
import type { StoredKey } from "../../src/ledger/keys.ts";

const now = Date.now();

function principalOf(text: string, stored: StoredKey) {
  return principalOfKey(text, {
    keys: { get: async (id) => (id === stored.id ? stored : undefined), used: async () => {} },
    now,
  });
}

describe("a session that an identity provider began", () => {
  const mint = (parent: string) =>
    mintKey({ kind: "session", name: "Anna", roles: ["read"], now, lifeMs: 1000, parent });

  test("is the person's, as that provider knows them", async () => {
    const parent = subjectId("person", "https://id.example", "anna");
    const { text, stored } = mint(parent);
    assert.equal((await principalOf(text, stored))?.id, parent);
    assert.equal(await principalOf(`${text.slice(0, -1)}${text.endsWith("A") ? "B" : "A"}`, stored), undefined);
  });

  test("of a veil that knew people without their provider is over", async () => {
    const { text, stored } = mint("person:anna");
    assert.equal(await principalOf(text, stored), undefined);
  });
});
