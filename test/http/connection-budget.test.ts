import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createConnectionBudget, type Share } from "../../src/http/connection-budget.ts";

/** How many of so many connections from an address are taken; they stay. */
function taken(share: Share, count: number, address: string | (() => string) = "198.51.100.1"): number {
  return Array.from({ length: count }, () => share.take(typeof address === "string" ? address : address())).filter(
    (refusal) => refusal === undefined,
  ).length;
}

/** An address that nobody had yet. */
function stranger() {
  let last = 0;
  return () => `10.${last >> 16}.${(last >> 8) & 255}.${last++ & 255}`;
}

describe("connections of one address", () => {
  test("are so many and no more, however it is written, and others go on", () => {
    const share = createConnectionBudget().share("page", { connections: 100, addressConnections: 5 });
    assert.equal(taken(share, 3), 3);
    assert.equal(taken(share, 3, "::ffff:198.51.100.1"), 2);
    assert.equal(share.take("198.51.100.1"), "address");
    assert.equal(taken(share, 9, "198.51.100.2"), 5);
    let host = 0;
    assert.equal(
      taken(share, 9, () => `2001:db8:0:7::${++host}`),
      5,
    );
    assert.equal(taken(share, 9, "2001:db8:0:8::1"), 5);
    share.giveBack("::ffff:198.51.100.1");
    assert.deepEqual([share.take("198.51.100.1"), share.take("198.51.100.1")], [undefined, "address"]);
    assert.deepEqual(share.figures().refused, { all: 0, address: 15 });
  });

  test("are never more than half of all, whatever is set", () => {
    const few = createConnectionBudget().share("page", { connections: 100, addressConnections: 2000 });
    assert.deepEqual([taken(few, 200), taken(few, 200, stranger())], [50, 50]);
    const unset = createConnectionBudget().share("webhook", { connections: 40 });
    assert.equal(taken(unset, 200), 20);
    // The system allows fewer than the setting: 256 + 16 + 44 files.
    const shared = createConnectionBudget({ files: 316 }).share("page", {
      connections: 12_000,
      addressConnections: 2000,
    });
    assert.deepEqual([taken(shared, 200), taken(shared, 200, stranger())], [30, 30]);
  });

  test("have no limit on this machine and from a trusted proxy, but for that of all", () => {
    const budget = createConnectionBudget({ trustedProxies: ["198.51.100.1", "fd00::/8"] });
    for (const [at, address] of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "198.51.100.1", "fd12::1"].entries()) {
      const share = budget.share(`listener ${at}`, { connections: 30, addressConnections: 5 });
      assert.equal(taken(share, 40, address), 30, address);
      assert.equal(share.take(address), "all");
    }
  });
});

describe("all listeners' connections", () => {
  test("stay together below what may be open, and each has its few whatever the others hold", () => {
    const budget = createConnectionBudget({ files: 256 + 3 * 16 + 100 });
    const [page, webhook, monitor] = (["page", "webhook", "monitor"] as const).map((name) =>
      budget.share(name, { connections: 5000 }),
    );
    const clients = stranger();
    assert.equal(taken(page!, 5000, clients), 116);
    assert.equal(taken(webhook!, 5000, clients), 16);
    assert.equal(taken(monitor!, 5000, clients), 16);
    // What one gives back another may have.
    for (let at = 0; at < 20; at++) page!.giveBack(`10.0.0.${at}`);
    assert.equal(taken(webhook!, 5000, clients), 20);
    assert.equal(taken(page!, 5000, clients), 0);
    const open = Object.values(budget.figures()).map((one) => one.open);
    assert.deepEqual(open, [96, 36, 16]);
  });

  test("have their few even where next to nothing may be open", () => {
    const budget = createConnectionBudget({ files: 64 });
    assert.equal(taken(budget.share("page", { connections: 12_000 }), 100, stranger()), 16);
    assert.equal(taken(budget.share("monitor", { connections: 200 }), 100, stranger()), 16);
  });
});
