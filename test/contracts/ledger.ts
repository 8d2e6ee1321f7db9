import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type JobState, jobStates, mayFollow } from "../../src/core/job.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import type { JobRecord, Ledger, LedgerEvent, RequestNote } from "../../src/ledger/ledger.ts";
import { makeCandidate, makeJob } from "./jobs.ts";

export interface LedgerUnderTest extends AsyncDisposable {
  /** Empty at first. */
  readonly ledger: Ledger;
}

export interface DurableLedgerUnderTest extends LedgerUnderTest {
  /** Another client of the same ledger, as another process would have; closed with the rest. */
  another(): Promise<Ledger>;
  /** A process of its own that writes as fast as it can: test/contracts/ledger-writer.ts. */
  write(): ChildProcess;
}

// One way into every state.
const ways: Readonly<Record<JobState, readonly JobState[]>> = {
  admitted: [],
  started: ["started"],
  failed: ["started", "failed"],
  done: ["started", "done"],
  copied: ["started", "copied"],
  skipped: ["started", "skipped"],
  held: ["started", "held"],
  dead: ["started", "dead"],
  superseded: ["superseded"],
  redriven: ["started", "dead", "redriven"],
  approved: ["started", "held", "approved"],
  rejected: ["started", "held", "rejected"],
  removed: ["started", "done", "removed"],
  expired: ["started", "copied", "expired"],
};

export async function admitOne(ledger: Ledger, ...args: Parameters<typeof makeCandidate>): Promise<JobRecord> {
  const [admission] = await ledger.admit([makeCandidate(...args)]);
  return admission!.record;
}

export async function bring(ledger: Ledger, key: string, state: JobState): Promise<string> {
  const { id } = (await admitOne(ledger, { key })).job;
  for (const kind of ways[state]) assert.ok(await ledger.append({ jobId: id, kind, at: 1 }));
  return id;
}

/** What every ledger promises. */
export function ledgerContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`${name} as a ledger`, () => {
    test("records what is new as admitted, and gives it back whole", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const candidate = makeCandidate({ key: '照片/a b+%\n".jpg' }, { requestDigest: "abc", lane: "interactive" });
      const before = Date.now();
      const [admission] = await ledger.admit([candidate]);
      const record = admission!.record;
      assert.equal(admission?.fresh, true);
      assert.deepEqual(record.job, { ...candidate.job, generation: 1 });
      assert.equal(record.lane, "interactive");
      assert.equal(record.state, "admitted");
      assert.equal(record.attempts, 0);
      assert.equal(record.requestDigest, "abc");
      assert.ok(record.admittedAt >= before && record.admittedAt <= Date.now());
      assert.deepEqual(await ledger.get(record.job.id), record);
      assert.deepEqual(await ledger.history(record.job.id), [
        { jobId: record.job.id, kind: "admitted", at: record.admittedAt },
      ]);
      assert.equal("requestDigest" in (await admitOne(ledger, { key: "b.jpg" })), false);
      const owned = await admitOne(ledger, { key: "c.jpg" }, { who: "key:ward 7", owner: "its mark" });
      const [{ who, owner }] = (await ledger.history(owned.job.id)) as [LedgerEvent];
      assert.deepEqual([who, owner], ["key:ward 7", "its mark"]);
      assert.equal(await ledger.get("nothing"), undefined);
      assert.deepEqual(await ledger.history("nothing"), []);
    });

    test("knows the same job again, and the same object version under another policy, and answers with what it has", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const first = await admitOne(ledger, { key: "a.jpg", version: "1" });
      await ledger.append({ jobId: first.job.id, kind: "started", at: 5 });
      const other = makeCandidate({ key: "a.jpg", version: "1" });
      const changed = {
        ...other,
        job: { ...other.job, id: "another-policy", policy: { ...defaultPolicy, quality: 50 } },
      };
      const admissions = await ledger.admit([other, changed]);
      assert.deepEqual(
        admissions.map(({ fresh }) => fresh),
        [false, false],
      );
      for (const { record } of admissions) {
        assert.equal(record.job.id, first.job.id);
        assert.equal(record.state, "started");
        assert.equal(record.job.policy.quality, defaultPolicy.quality);
      }
      assert.equal((await ledger.counts()).started, 1);
      assert.equal((await ledger.counts()).admitted, 0);
    });

    test("answers a batch in its order, with duplicates inside it known", async () => {
      await using opened = await open();
      const { ledger } = opened;
      await admitOne(ledger, { key: "b.jpg" });
      const keys = ["a.jpg", "b.jpg", "a.jpg", "c.jpg"];
      const admissions = await ledger.admit(keys.map((key) => makeCandidate({ key })));
      assert.deepEqual(
        admissions.map(({ record }) => record.job.input.key),
        keys,
      );
      assert.deepEqual(
        admissions.map(({ fresh }) => fresh),
        [true, false, false, true],
      );
      assert.deepEqual(await ledger.admit([]), []);
    });

    test("gives each admission of a route's key a greater generation, and only the newest is current", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const first = await admitOne(ledger, { version: "1" });
      const elsewhere = await admitOne(ledger, { version: "1", route: "other" });
      const another = await admitOne(ledger, { version: "1", key: "b.jpg" });
      assert.equal(await ledger.isCurrent(first.job), true);
      const second = await admitOne(ledger, { version: "2" });
      const revision = await admitOne(ledger, { version: "1", revision: 1 });
      const generations = [first, second, revision].map(({ job }) => job.generation);
      assert.deepEqual(
        generations,
        generations.toSorted((a, b) => a - b),
      );
      assert.equal(new Set(generations).size, 3);
      assert.equal(await ledger.isCurrent(first.job), false);
      assert.equal(await ledger.isCurrent(second.job), false);
      for (const { job } of [revision, elsewhere, another]) assert.equal(await ledger.isCurrent(job), true);
    });

    test("lets an event follow exactly where the table of core/job says so", async () => {
      await using opened = await open();
      const { ledger } = opened;
      for (const from of jobStates) {
        for (const to of jobStates) {
          const id = await bring(ledger, `${from}-${to}.jpg`, from);
          const before = await ledger.get(id);
          const events = await ledger.history(id);
          const written = await ledger.append({ jobId: id, kind: to, at: 99 });
          assert.equal(written, mayFollow(from, to), `${from} → ${to}`);
          if (written) assert.equal((await ledger.get(id))?.state, to);
          else assert.deepEqual(await ledger.get(id), before);
          assert.equal((await ledger.history(id)).length, events.length + (written ? 1 : 0));
        }
      }
      assert.equal(await ledger.append({ jobId: "nothing", kind: "started", at: 1 }), false);
    });

    test("keeps every event with its detail, counts attempts, and shows the last detail", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const { id } = (await admitOne(ledger)).job;
      const events: readonly LedgerEvent[] = [
        { jobId: id, kind: "started", at: 10, attempt: 1 },
        { jobId: id, kind: "failed", at: 11, code: "timeout", message: "it took 61 s" },
        { jobId: id, kind: "started", at: 12, attempt: 2 },
        { jobId: id, kind: "started", at: 13, attempt: 3 },
        {
          jobId: id,
          kind: "done",
          at: 14,
          input: { size: 5, sha256: "in" },
          output: { version: "4-1", size: 4, sha256: "out", contentType: "image/jpeg" },
          regions: 0,
          detector: { name: "d", digest: "x" },
          timings: { get: 1, detect: 20 },
        },
      ];
      for (const event of events) assert.equal(await ledger.append(event), true);
      assert.deepEqual((await ledger.history(id)).slice(1), events);
      const record = await ledger.get(id);
      const { jobId: _, kind, at, ...last } = events.at(-1)!;
      assert.deepEqual(record?.last, last);
      assert.equal(record?.state, kind);
      assert.equal(record?.updatedAt, at);
      assert.equal(record?.attempts, 3);
    });

    test("lets one of many win that finish a job at once", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const id = await bring(ledger, "a.jpg", "started");
      const kinds = ["done", "skipped", "dead", "superseded", "done", "dead"] as const;
      const written = await Promise.all(kinds.map((kind) => ledger.append({ jobId: id, kind, at: 5 })));
      assert.equal(written.filter(Boolean).length, 1);
      assert.equal((await ledger.history(id)).length, 3);
    });

    test("redrives a dead job as one step, once, and nothing that is neither dead nor held", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const id = await bring(ledger, "a.jpg", "dead");
      const successor = makeCandidate({ key: "a.jpg", revision: 1 });
      const results = await Promise.all([1, 2].map((at) => ledger.redrive(id, successor, at)));
      assert.equal(results.filter(Boolean).length, 1);
      const record = results.find((result) => result !== undefined)!;
      assert.deepEqual(record.job, { ...successor.job, generation: 1 });
      assert.equal(record.state, "admitted");
      const old = await ledger.get(id);
      assert.equal(old?.state, "redriven");
      assert.equal(old?.last.successor, successor.job.id);
      assert.equal(await ledger.isCurrent(record.job), true);
      const held = await bring(ledger, "held.jpg", "held");
      const released = await ledger.redrive(held, makeCandidate({ key: "held.jpg", revision: 1 }), 3);
      assert.deepEqual([released?.state, (await ledger.get(held))?.state], ["admitted", "redriven"]);
      for (const state of jobStates.filter((one) => one !== "dead" && one !== "held")) {
        const key = `${state}.jpg`;
        const other = await bring(ledger, key, state);
        assert.equal(await ledger.redrive(other, makeCandidate({ key, revision: 1 }), 3), undefined, state);
        assert.equal((await ledger.get(other))?.state, state);
        assert.equal(await ledger.get(makeJob({ key, revision: 1 }).id), undefined);
      }
      assert.equal(await ledger.redrive("nothing", makeCandidate({ key: "z.jpg", revision: 1 }), 3), undefined);
    });

    test("answers which object versions a route has no job for, in their order", async () => {
      await using opened = await open();
      const { ledger } = opened;
      await ledger.admit(["a", "照片 %+", "c\n\"'"].map((key) => makeCandidate({ key, version: "1" })));
      await admitOne(ledger, { key: "d", route: "other" });
      const objects = [
        { key: "c\n\"'", version: "2" },
        { key: "a", version: "1" },
        { key: "d", version: "1" },
        { key: "照片 %+", version: "1" },
        { key: "c\n\"'", version: "1" },
        { key: "A", version: "1" },
      ];
      assert.deepEqual(await ledger.unseen("folder", objects), [objects[0], objects[2], objects[5]]);
      assert.deepEqual(await ledger.unseen("other", [objects[2]!]), []);
      assert.deepEqual(await ledger.unseen("folder", []), []);
      const many = Array.from({ length: 3000 }, (_, index) => ({ key: `${index}.jpg`, version: "1" }));
      await ledger.admit(many.slice(0, 1500).map((object) => makeCandidate(object)));
      assert.deepEqual(await ledger.unseen("folder", many), many.slice(1500));
    });

    test("finds what was admitted and never started, oldest first, page by page", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const keys = Array.from({ length: 25 }, (_, index) => `${index}.jpg`);
      await ledger.admit(keys.map((key) => makeCandidate({ key })));
      await ledger.append({ jobId: makeJob({ key: "3.jpg" }).id, kind: "started", at: 1 });
      const later = Date.now() + 1;
      const seen: string[] = [];
      for (let after: string | undefined, page = 0; page < 9; page += 1) {
        const records = await ledger.unstarted(later, 10, after);
        seen.push(...records.map(({ job }) => job.input.key));
        after = records.at(-1)?.job.id;
        if (records.length < 10) break;
        // What moves on meanwhile must not make the next page begin elsewhere.
        await ledger.append({ jobId: after!, kind: "started", at: 1 });
      }
      assert.deepEqual(
        seen,
        keys.filter((key) => key !== "3.jpg"),
      );
      assert.deepEqual(await ledger.unstarted(later - 60_000, 10), []);
    });

    test("finds jobs by route, state and key, the newest change first, page by page", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const states = ["admitted", "done", "dead", "started"] as const;
      const ids: string[] = [];
      for (let index = 0; index < 24; index += 1) ids.push(await bring(ledger, `${index}.jpg`, states[index % 4]!));
      await admitOne(ledger, { key: "5.jpg", route: "other" });
      const all = await pages(ledger, { route: "folder" }, 7);
      assert.deepEqual(
        all.map(({ job }) => job.id),
        ids.toReversed(),
      );
      const some = await pages(ledger, { states: ["done", "dead"] }, 5);
      assert.deepEqual(
        some.map(({ job }) => job.id),
        ids.filter((_, index) => index % 4 === 1 || index % 4 === 2).reverse(),
      );
      assert.deepEqual(
        (await ledger.find({ key: "5.jpg", limit: 9 })).records.map(({ job }) => job.route),
        ["other", "folder"],
      );
      assert.deepEqual((await ledger.find({ key: "5.jpg", route: "folder", limit: 9 })).records.length, 1);
      assert.deepEqual(await ledger.find({ key: "5.jpg", states: ["dead"], limit: 9 }), { records: [] });
      assert.deepEqual(await ledger.find({ states: [], limit: 9 }), { records: [] });
      await ledger.append({ jobId: ids[0]!, kind: "started", at: 7 });
      assert.equal((await ledger.find({ limit: 1 })).records[0]?.job.id, ids[0]);
      assert.equal("next" in (await ledger.find({ limit: 25 })), false);
      await assert.rejects(ledger.find({ limit: 1, after: "'; drop table jobs" }), { code: "invalid-request" });
    });

    test("counts jobs by state, together and by route", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const none = Object.fromEntries(jobStates.map((state) => [state, 0]));
      assert.deepEqual(await ledger.counts(), none);
      for (const state of jobStates) await bring(ledger, `${state}.jpg`, state);
      await admitOne(ledger, { route: "other" });
      const one = Object.fromEntries(jobStates.map((state) => [state, 1]));
      assert.deepEqual(await ledger.counts(), { ...one, admitted: 2 });
      assert.deepEqual(await ledger.counts("folder"), one);
      assert.deepEqual(await ledger.counts("other"), { ...none, admitted: 1 });
    });

    test("notes synchronous requests, newest first", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const note = (at: number): RequestNote => ({
        at,
        outcome: "masked",
        input: { size: at, sha256: "in" },
        output: { size: 3, sha256: "out", contentType: "image/png" },
        policy: defaultPolicy,
        regions: 2,
        regionsFrom: "detector",
        detector: { name: "d", digest: "x" },
      });
      for (const at of [1, 2, 3]) await ledger.note(note(at));
      assert.deepEqual(await ledger.notes(2), [note(3), note(2)]);
    });
  });
}

/** What a ledger promises besides when processes come and go. */
export function durableLedgerContract(name: string, open: () => Promise<DurableLedgerUnderTest>): void {
  describe(`${name} as a durable ledger`, () => {
    test("has all that was acknowledged before kill -9, and never half a step", async () => {
      await using opened = await open();
      const writer = opened.write();
      const acknowledged: { id: string; state: JobState }[] = [];
      writer.on("message", (message) => acknowledged.push(message as { id: string; state: JobState }));
      await once(writer, "message");
      await sleep(400);
      writer.kill("SIGKILL");
      await once(writer, "exit");
      assert.ok(acknowledged.length > 20, `only ${acknowledged.length} steps`);
      const ledger = await opened.another();
      for (const { id, state } of acknowledged) {
        const events = (await ledger.history(id)).map(({ kind }) => kind);
        assert.ok(events.includes(state), `${state} of ${id} is lost`);
      }
      for (const { job, state, attempts } of await pages(ledger, {}, 100)) {
        const events = (await ledger.history(job.id)).map(({ kind }) => kind);
        assert.equal(events.at(-1), state);
        assert.equal(events.filter((kind) => kind === "started").length, attempts);
      }
      const counts = Object.values(await ledger.counts()).reduce((sum, jobs) => sum + jobs, 0);
      assert.equal(counts, (await pages(ledger, {}, 100)).length);
    });

    test("serves two processes at once", async () => {
      await using opened = await open();
      const other = await opened.another();
      const keys = Array.from({ length: 100 }, (_, index) => `${index}.jpg`);
      const both = await Promise.all(
        [opened.ledger, other].flatMap((ledger) => keys.map((key) => ledger.admit([makeCandidate({ key })]))),
      );
      assert.equal(both.flat().filter(({ fresh }) => fresh).length, 100);
      assert.equal((await other.counts()).admitted, 100);
    });
  });
}

async function pages(ledger: Ledger, query: object, limit: number): Promise<readonly JobRecord[]> {
  const records: JobRecord[] = [];
  let after: string | undefined;
  do {
    const page = await ledger.find({ ...query, limit, ...(after !== undefined && { after }) });
    assert.ok(page.records.length <= limit);
    records.push(...page.records);
    after = page.next;
  } while (after !== undefined);
  return records;
}
