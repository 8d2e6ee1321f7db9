import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { defaultPolicy, type Policy } from "../../src/core/policy.ts";
import { Problem } from "../../src/errors.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createAdmit, createRerun } from "../../src/pipeline/admit.ts";
import { createRedrive } from "../../src/pipeline/redrive.ts";
import type { Route } from "../../src/pipeline/route.ts";
import { openSpool, type Spool, streamOf } from "../../src/pipeline/spool.ts";
import { createSubmit, type UploadOptions } from "../../src/pipeline/submit.ts";
import { createMemoryQueue } from "../../src/queues/memory.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const shared = { policy: defaultPolicy, removeInput: false, watched: false };
const uploads: Route = {
  ...shared,
  name: "upload",
  input: "inbox",
  output: "results",
  lane: "interactive",
  removeInput: true,
};
const folder: Route = { ...shared, name: "folder", input: "input", output: "output", lane: "bulk" };
const limits = { maxBytes: 1e6 };
const as = (policy: Policy, mayWeaken = false) => ({ policyFor: () => policy, mayWeaken });
let spool: Spool;
let root: Awaited<ReturnType<typeof temporaryFolder>>;

before(async () => {
  root = await temporaryFolder();
  spool = await openSpool(`${root.path}/spool`);
});
after(() => root[Symbol.asyncDispose]());

async function setUp(faults: Partial<Ledger> = {}, watched = folder) {
  const sqlite = await openSqlite(":memory:");
  const ledger = { ...(await createSqliteLedger({ sqlite, installationKey: "test" })), ...faults };
  const queue = createMemoryQueue();
  const [inbox, input] = [createMemoryStore({ name: "inbox" }), createMemoryStore({ name: "input" })];
  const keyed = { ledger, queue, installationKey: "key", modelDigests: [], onProblem: () => {} };
  const submit = createSubmit({
    ...{ ...keyed, uploads, routes: new Map([uploads, watched].map((route) => [route.name, route])) },
    ...{ admit: createAdmit(keyed), rerun: createRerun(keyed), redrive: createRedrive(keyed) },
    storeOf: (name) => (name === "inbox" ? inbox : input),
  });
  return {
    ...{ ledger, queue, inbox, input, submit },
    async upload(content: string, more: Partial<UploadOptions> = {}) {
      await using file = await spool.receive(streamOf(Buffer.from(content)), limits);
      return await submit.upload(file, { name: "photo.jpg", policy: defaultPolicy, ...more });
    },
    async [Symbol.asyncDispose]() {
      await queue.close();
      await sqlite.close();
    },
  };
}

const keysOf = async (store: { list(prefix: string): AsyncIterable<{ key: string }> }) =>
  (await Array.fromAsync(store.list(""))).map(({ key }) => key);

describe("an upload", () => {
  test("lies in the inbox under its name, and is a job", async () => {
    await using parts = await setUp();
    const record = await parts.upload("bytes");
    assert.deepEqual(await keysOf(parts.inbox), [record.job.input.key]);
    assert.match(record.job.input.key, /^[0-9a-f-]{36}-photo\.jpg$/);
    assert.equal(await parts.queue.depth?.("interactive"), 1);
  });

  test("may have any name: what is no good in a key is replaced, what is too long is cut", async () => {
    await using parts = await setUp();
    const names = [
      "../../etc/passwd",
      "a\0b\nc.jpg",
      "照片".repeat(100),
      "😀".repeat(100),
      "",
      "...",
      "x".repeat(5000),
    ];
    for (const name of names) {
      const { job } = await parts.upload("bytes", { name });
      assert.ok(Buffer.byteLength(job.input.key) <= 220, name);
      assert.doesNotMatch(job.input.key, /[/\\\p{Cc}]|\uFFFD/u);
      assert.ok(job.input.key.isWellFormed());
    }
  });

  test("twenty requests at once under one Idempotency-Key make one job and one object", async () => {
    await using parts = await setUp();
    const records = await Promise.all(Array.from({ length: 20 }, () => parts.upload("bytes", { idempotencyKey: "k" })));
    assert.equal(new Set(records.map(({ job }) => job.id)).size, 1);
    assert.equal((await keysOf(parts.inbox)).length, 1);
    assert.equal(await parts.queue.depth?.("interactive"), 1);
  });

  test("of two files at once under one Idempotency-Key one is refused, and the other one's picture stays its own", async () => {
    await using parts = await setUp();
    const contents = ["one", "another"];
    const results = await Promise.allSettled(contents.map((content) => parts.upload(content, { idempotencyKey: "k" })));
    const [accepted] = results.flatMap((result, index) =>
      result.status === "fulfilled" ? [{ index, record: result.value }] : [],
    );
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(refused.length, 1);
    assert.equal((refused[0]!.reason as Problem).code, "idempotency-conflict");
    const { stream } = await parts.inbox.get(accepted!.record.job.input.key);
    assert.equal(Buffer.concat(await stream.toArray()).toString(), contents[accepted!.index]);
  });

  test("is its owner's whatever that one is called, and nobody else's of the same name", async () => {
    await using parts = await setUp();
    const { submit, ledger } = parts;
    const mine = await parts.upload("bytes", { who: "key:ward 7", ownerId: "1" });
    assert.equal(await submit.isOwn(mine, { who: "session:ward 7", ownerId: "1" }), true);
    assert.equal(await submit.isOwn(mine, { who: "key:ward 7", ownerId: "2" }), false);
    assert.equal(await submit.isOwn(mine, {}), false);
    const [admitted] = await ledger.history(mine.job.id);
    assert.match(admitted?.owner ?? "", /^[0-9a-f]{64}$/);
    const other = await parts.upload("bytes", { who: "key:ward 7", ownerId: "1" });
    const [another] = await ledger.history(other.job.id);
    assert.notEqual(another?.owner, admitted?.owner, "two of one owner can't be told for such");
    // Somebody else's retry makes it nobody else's.
    const event = { jobId: mine.job.id, at: 1 };
    await ledger.append({ ...event, kind: "started" });
    await ledger.append({ ...event, kind: "dead", code: "unreadable" });
    const retried = await submit.retry(mine.job.id, "key:night shift");
    assert.deepEqual(
      [await submit.isOwn(retried, { ownerId: "1" }), await submit.isOwn(retried, { ownerId: "3" })],
      [true, false],
    );
    // As records were before they had owners.
    const old = await parts.upload("bytes", { who: "key:ward 7" });
    assert.equal(await submit.isOwn(old, { who: "key:ward 7", ownerId: "2" }), true);
    assert.equal(await submit.isOwn(old, { who: "key:ward 8", ownerId: "2" }), false);
  });

  test("that can't be admitted leaves no original in the inbox", async () => {
    await using parts = await setUp({ admit: () => Promise.reject(new Problem("store-full", "the disk is full")) });
    await assert.rejects(parts.upload("bytes"), /the disk is full/);
    assert.deepEqual(await keysOf(parts.inbox), []);
  });
});

describe("an object of a store", () => {
  test("is admitted once, and once more where another policy is asked for", async () => {
    await using parts = await setUp();
    await parts.input.put("a.jpg", streamOf(Buffer.from("bytes")), { contentType: "image/jpeg" });
    const location = { store: "input", key: "a.jpg" };
    const first = await parts.submit.object(location, as(defaultPolicy));
    assert.equal((await parts.submit.object(location, as(defaultPolicy))).job.id, first.job.id);
    const solid = await parts.submit.object(location, as({ ...defaultPolicy, style: "solid" }));
    assert.deepEqual([solid.job.revision, solid.job.policy.style], [1, "solid"]);
    assert.equal(await parts.ledger.isCurrent(first.job), false);
    await assert.rejects(parts.submit.object({ store: "inbox", key: "a.jpg" }, as(defaultPolicy)), Problem);
  });

  test("is masked no less than its route has it, unless whoever asks may see originals, and waits on where it is held", async () => {
    const careful = { ...defaultPolicy, minScore: 0.5, verify: "hold" as const };
    await using parts = await setUp({}, { ...folder, policy: careful });
    await parts.input.put("a.jpg", streamOf(Buffer.from("bytes")), { contentType: "image/jpeg" });
    const location = { store: "input", key: "a.jpg" };
    const weaker: readonly Policy[] = [
      { ...careful, minScore: 1 },
      { ...careful, verify: "off" },
      { ...careful, style: "cosmetic" },
      { ...careful, profile: "fast" },
      { ...careful, metadata: "keep-safe-gps" },
    ];
    for (const policy of weaker)
      await assert.rejects(parts.submit.object(location, as(policy)), {
        code: "forbidden",
        message: /would mask less/,
      });
    const held = await parts.submit.object(location, as(careful));
    const event = { jobId: held.job.id, at: 1 };
    await parts.ledger.append({ ...event, kind: "started" });
    await parts.ledger.append({ ...event, kind: "held" });
    const strong = { ...careful, strength: "maximum" as const };
    assert.equal((await parts.submit.object(location, as(strong))).job.id, held.job.id);
    assert.equal((await parts.submit.object(location, as(weaker[0]!, true))).state, "held");
  });

  test("is taken for no route that was removed, whose store is there for what it has left", async () => {
    await using parts = await setUp({}, { ...folder, watched: false, retired: true });
    await parts.input.put("a.jpg", streamOf(Buffer.from("bytes")), { contentType: "image/jpeg" });
    const asked = parts.submit.object({ store: "input", key: "a.jpg" }, as(defaultPolicy));
    await assert.rejects(asked, { code: "not-found", message: /no input store "input"/ });
  });
});
