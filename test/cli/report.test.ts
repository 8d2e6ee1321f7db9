import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { LedgerEvent } from "../../src/ledger/ledger.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { madeCard, sliceOf } from "../eval/cards.ts";
import { veilCommand } from "../fixtures/veil-command.ts";

describe("veil report", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const at = (...path: string[]) => join(folder.path, ...path);
  const report = (...args: string[]) => veilCommand(at("data"), "report", ...args);
  /** A row of a table: its name and its numbers. */
  const row = (page: string, name: string) =>
    new RegExp(`<th scope="row">${name}</th>((?:<td>[^<]*</td>)+)`).exec(page)?.[1]?.match(/[^<>]+(?=<\/td>)/g) ?? [];

  before(async () => {
    folder = await temporaryFolder();
    await mkdir(at("data"), { mode: 0o700 });
    await writeFile(at("data", "installation.key"), "ab".repeat(32), { mode: 0o600 });
    await using sqlite = await openSqlite(at("data", "veil.sqlite"));
    const ledger = await createSqliteLedger({ sqlite, installationKey: "ab".repeat(32), stamp: {} });
    const detector = { name: "mediapipe-full-range", digest: "9".repeat(64) };
    const within = Date.parse("2026-03-10T12:00:00Z");
    const tell = async (key: string, ...events: readonly (Partial<LedgerEvent> & Pick<LedgerEvent, "kind">)[]) => {
      const [admission] = await ledger.admit([makeCandidate({ key, route: "folder" })]);
      const { id: jobId } = admission!.record.job;
      for (const event of events) assert.ok(await ledger.append({ jobId, at: within, ...event }), event.kind);
    };
    const started = { kind: "started" } as const;
    await tell("Erika Mustermann.jpg", started, { kind: "done", regions: 2, detector });
    await tell("empty.jpg", started, { kind: "done", regions: 0, detector });
    await tell("cached.jpg", started, { kind: "done", regions: 1, detector, cached: true });
    await tell("flaky.jpg", started, { kind: "failed", code: "timeout" }, started, {
      kind: "done",
      regions: 1,
      detector,
    });
    await tell("cut.jpg", started, { kind: "dead", code: "unreadable" });
    await tell("doubt.jpg", started, { kind: "held", code: "doubtful" }, { kind: "rejected" });
    for (const key of ["waits.jpg", "veil-selftest-0123.jpg"])
      await tell(key, { ...started, at: 1 }, { kind: "held", code: "doubtful", at: 1 });
    const [once] = await ledger.admit([makeCandidate({ key: "again.jpg", route: "folder" })]);
    const { id: onceId, generation } = once!.record.job;
    await ledger.append({ jobId: onceId, ...started, at: 1 });
    await ledger.append({ jobId: onceId, kind: "done", regions: 1, at: 1 });
    await ledger.admit([{ ...makeCandidate({ key: "again.jpg", route: "folder", revision: 1 }), rerun: generation }]);
    await tell(
      "later.jpg",
      { ...started, at: within + 90 * 86_400_000 },
      { kind: "done", at: within + 90 * 86_400_000, regions: 9, detector },
    );
    await ledger.close();
  });
  after(() => folder[Symbol.asyncDispose]());

  test("counts what happened within the period, by outcome and class", async () => {
    const { code, out: page, err } = await report("folder", "--from", "2026-03-01", "--to", "2026-04-01");
    assert.equal(code, 0, err);
    assert.deepEqual(row(page, "masked and delivered"), ["4"]);
    assert.deepEqual(row(page, "held for a person"), ["1"]);
    assert.deepEqual(row(page, "a person wants no output"), ["1"]);
    assert.deepEqual(row(page, "unreadable"), ["0", "1"]);
    assert.deepEqual(row(page, "timeout"), ["1", "0"]);
    assert.match(page, /<b>4<\/b><span>faces masked/);
    assert.match(page, /<b>1<\/b><span>without any face/);
    assert.match(page, /From 2026-03-01 until before 2026-04-01/);
    assert.ok(page.includes("9".repeat(64)), "the model that looked");
  });

  test("says until when it counts, each picture once, and without what self-tests wait for", async () => {
    const { out: page } = await report("folder");
    assert.match(page, /From \d{4}-\d\d-\d\d \d\d:\d\d:\d\d until before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(UTC\)/);
    assert.deepEqual(row(page, "taken in"), ["9"]);
    assert.deepEqual(row(page, "waiting for a person, as of now"), ["1"]);
  });

  test("is one page without script, network or anybody's name", async () => {
    const { out: page } = await report("--from", "2026-03-01", "--to", "2026-04-01");
    assert.doesNotMatch(page, /<script|<img|https?:|url\(|Mustermann|@import/);
    assert.match(page, /default-src 'none'/);
  });

  test("says what the leak rate was, and whether that was measured with what the route uses", async () => {
    assert.match((await report("folder")).out, /Never measured here/);
    await mkdir(at("data", "eval"));
    await writeFile(
      at("data", "eval", "2026-03-01T00-00-00.000Z.json"),
      JSON.stringify(madeCard("2026-03-01T00:00:00.000Z", [sliceOf("all", 400, 8)])),
    );
    const { out } = await report("folder");
    assert.match(out, /labelled faces [\d,]+ were not masked: [\d.]+ %, with 95 % confidence between/);
    assert.match(out, /Measured with another detector|Measured with this route's detector/);
  });

  test("speaks Chinese, and goes into a file that nobody else reads", async () => {
    const { code, out } = await report("folder", "--lang", "zh", "--out", at("report.html"));
    assert.deepEqual([code, out], [0, `${at("report.html")} is written\n`]);
    const page = await readFile(at("report.html"), "utf8");
    assert.match(page, /<html lang="zh-Hans">[\s\S]*照片遮盖报告/);
    assert.doesNotMatch(page, /undefined|\{\w+\}/);
    assert.equal((await stat(at("report.html"))).mode & 0o077, 0);
  });

  test("refuses a route, a date or an order of dates that is none", async () => {
    assert.match((await report("nowhere")).err, /There is no route nowhere; there are folder/);
    assert.match((await report("--from", "spring")).err, /Expected a date/);
    assert.match((await report("--from", "2026-04-01", "--to", "2026-03-01")).err, /Expected --from to be before --to/);
  });
});
