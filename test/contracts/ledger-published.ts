import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { makeCandidate } from "./jobs.ts";
import { admitOne, type LedgerUnderTest } from "./ledger.ts";

/** What a ledger knows of a queue that keeps every copy of a job. */
export function publishedContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`${name} beside a broker`, () => {
    test("gives to be published again what no queue has confirmed, and after a loss what was never started", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const [confirmed, begun, cutOff] = [
        await admitOne(ledger, { key: "confirmed.jpg" }),
        await admitOne(ledger, { key: "begun.jpg" }),
        await admitOne(ledger, { key: "cut-off.jpg" }),
      ].map(({ job }) => job.id);
      await ledger.published([confirmed!, begun!]);
      await ledger.append({ jobId: begun!, kind: "started", at: 1, attempt: 1 });
      const waiting = async () => (await ledger.unstarted(Number.MAX_SAFE_INTEGER, 10)).map(({ job }) => job.id);
      assert.deepEqual(await waiting(), [cutOff]);

      assert.equal(await ledger.unpublish(), 1);
      assert.deepEqual(await waiting(), [confirmed, cutOff]);
      await ledger.published([confirmed!]);
      assert.equal(await ledger.unpublish(), 1);
      const again = await ledger.admit([makeCandidate({ key: "confirmed.jpg" })]);
      assert.equal(again[0]!.fresh, false);
    });
  });
}
