import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { createBell } from "../../src/bell.ts";
import { Problem } from "../../src/errors.ts";
import { createSqliteAnnouncements } from "../../src/ledger/sqlite-announcements.ts";
import { runSource } from "../../src/pipeline/run-source.ts";
import { type AnnouncedSourceOptions, createAnnouncedSource } from "../../src/sources/announced.ts";
import type { Arrival } from "../../src/sources/source.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";
import { eventually } from "../contracts/eventually.ts";

async function openSource(options: Partial<AnnouncedSourceOptions> = {}) {
  const sqlite = await openSqlite(":memory:");
  const announcements = await createSqliteAnnouncements(sqlite);
  const store = createMemoryStore({ name: "input" });
  const bell = createBell();
  const looks: number[] = [];
  const problems: Problem[] = [];
  const source = createAnnouncedSource({
    ...{ name: "announced", route: "wards", store, announcements, bell, pollMs: 20 },
    ...{ onLookNeeded: () => looks.push(1), onProblem: (problem: Problem) => problems.push(problem), ...options },
  });
  const admitted: Arrival[] = [];
  const stop = new AbortController();
  const faults: Error[] = [];
  const running = runSource({
    ...{ source, signal: stop.signal, restMs: 10, onProblem: (problem) => problems.push(problem) },
    async admit(arrivals) {
      const fault = faults.shift();
      if (fault) throw fault;
      admitted.push(...arrivals);
    },
  });
  return {
    ...{ announcements, store, bell, looks, problems, admitted, faults },
    put: (key: string) => store.put(key, Readable.from([Buffer.from(key)]), { contentType: "image/jpeg" }),
    async announce(...keys: string[]) {
      await announcements.add(keys.map((key) => ({ route: "wards", key })));
      bell.ring();
    },
    settled: () => eventually("nothing waits", async () => Object.keys(await announcements.waiting()).length === 0),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await sqlite.close();
    },
  };
}

describe("what events have named", () => {
  test("is announced in the version that is there, and let go of once it is admitted", async () => {
    await using source = await openSource();
    const { version } = await source.put("a.jpg");
    await source.announce("a.jpg");
    await source.settled();
    assert.deepEqual(source.admitted, [{ key: "a.jpg", version }]);
  });

  test("and is not there is let go of, and the listing looked at", async () => {
    await using source = await openSource();
    await source.announce("never.jpg");
    await source.settled();
    assert.deepEqual(source.admitted, []);
    assert.equal(source.looks.length, 1);
  });

  test("waits while it can't be admitted or its store is away, and is lost by neither", async () => {
    let isAway = true;
    const store = createMemoryStore({ name: "input" });
    const head = async (key: string) => {
      if (isAway) throw new Problem("store-unavailable", "away");
      return store.head(key);
    };
    await using source = await openSource({ store: { head } });
    await store.put("a.jpg", Readable.from([Buffer.from("a")]), { contentType: "image/jpeg" });
    source.faults.push(new Error("the ledger is away"), new Error("still"));
    await source.announce("a.jpg");
    await eventually("it was tried", () => source.problems.length >= 2);
    assert.equal((await source.announcements.next("wards", 9)).length, 1);
    isAway = false;
    await source.settled();
    assert.equal(source.admitted.length, 1);
  });

  test("is not kept waiting by an object that alone can't be looked at", async () => {
    const store = createMemoryStore({ name: "input" });
    const head = async (key: string) => {
      // As S3 says of an object whose key only its owner has.
      if (key === "sealed.jpg") throw new Problem("store-unavailable", "status 400");
      return store.head(key);
    };
    await using source = await openSource({ store: { head } });
    await store.put("a.jpg", Readable.from([Buffer.from("a")]), { contentType: "image/jpeg" });
    await source.announce("sealed.jpg", "a.jpg");
    await source.settled();
    assert.deepEqual(
      source.admitted.map(({ key }) => key),
      ["a.jpg"],
    );
    assert.deepEqual(
      source.problems.map(({ message }) => message),
      ["status 400"],
    );
  });

  test("is passed by where the route does not take it, and told where it may not be looked at", async () => {
    const store = createMemoryStore({ name: "input" });
    const head = async (key: string) => {
      if (key === "locked.jpg") throw new Problem("store-denied", "locked.jpg may not be read");
      return store.head(key);
    };
    await using source = await openSource({
      ...{ store: { head }, selects: (key) => key.endsWith(".jpg"), releases: (key) => key.endsWith(".done") },
      waitsFor: async (key) => (key === "early.jpg" ? "its done-file is not there" : undefined),
    });
    for (const key of ["a.jpg", "b.png", "early.jpg", "c.done"]) {
      await store.put(key, Readable.from([Buffer.from(key)]), { contentType: "image/jpeg" });
    }
    await source.announce("a.jpg", "b.png", "early.jpg", "c.done", "locked.jpg");
    await source.settled();
    assert.deepEqual(
      source.admitted.map(({ key }) => key),
      ["a.jpg"],
    );
    assert.deepEqual(
      source.problems.map(({ code }) => code),
      ["store-denied"],
    );
    assert.ok(source.looks.length >= 1);
  });

  test("is passed by where it is what a console makes for a folder", async () => {
    const head: Store["head"] = async (key) => ({ key, version: "1", size: key === "b/" ? 1 : 0, modifiedAt: 1 });
    await using source = await openSource({ store: { head } });
    await source.announce("a/", "b/", "c");
    await source.settled();
    assert.deepEqual(source.admitted.map(({ key }) => key).toSorted(), ["b/", "c"]);
  });

  test("a thousand at once all come", async () => {
    await using source = await openSource();
    const keys = Array.from({ length: 1200 }, (_, index) => `${index}.jpg`);
    for (const key of keys) await source.put(key);
    await source.announce(...keys);
    await source.settled();
    assert.deepEqual(source.admitted.map(({ key }) => key).sort(), keys.sort());
  });
});
