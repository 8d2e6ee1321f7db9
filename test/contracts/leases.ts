import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Leases } from "../../src/ledger/leases.ts";

/** What leases promise on every database. */
export function leasesContract(name: string, open: () => Promise<{ readonly leases: Leases } & AsyncDisposable>): void {
  describe(`${name} as leases`, () => {
    test("one of many has it, until it is given back; each name for itself", async () => {
      await using opened = await open();
      const { leases } = opened;
      const holders = ["a", "b", "c", "d", "e"];
      const fences = await Promise.all(holders.map((holder) => leases.acquire("source", holder, 60_000)));
      const won = fences.filter((fence) => fence !== undefined);
      assert.equal(won.length, 1);
      assert.ok((await leases.acquire("another", "z", 60_000)) !== undefined);
      await leases.release("source", won[0]!);
      const next = await leases.acquire("source", "late", 60_000);
      assert.ok(next! > won[0]!);
      // Who comes late with an old number changes nothing.
      await leases.release("source", won[0]!);
      assert.equal(await leases.renew("source", won[0]!, 60_000), false);
      assert.equal(await leases.acquire("source", "a", 60_000), undefined);
      assert.equal(await leases.renew("source", next!, 60_000), true);
    });

    test("it runs out for whoever does not renew it, and the next one has a greater number", async () => {
      await using opened = await open();
      const { leases } = opened;
      const first = await leases.acquire("source", "a", 300);
      assert.equal(await leases.acquire("source", "b", 300), undefined);
      await sleep(150);
      assert.equal(await leases.renew("source", first!, 1000), true);
      await sleep(400);
      assert.equal(await leases.acquire("source", "b", 300), undefined, "it was renewed");
      await sleep(700);
      const second = await leases.acquire("source", "b", 60_000);
      assert.ok(second! > first!);
      assert.equal(await leases.renew("source", first!, 1000), false);
    });

    test("its holder may take it anew, as after a restart, and what it held before is void", async () => {
      await using opened = await open();
      const { leases } = opened;
      const before = await leases.acquire("source", "a", 60_000);
      const after = await leases.acquire("source", "a", 60_000);
      assert.ok(after! > before!);
      assert.equal(await leases.renew("source", before!, 60_000), false);
      assert.equal(await leases.renew("source", after!, 60_000), true);
      await leases.release("source", after!);
      assert.equal(await leases.renew("source", after!, 60_000), false, "it was given back");
    });
  });
}
