import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { openSqlite, type Sqlite } from "../src/sqlite.ts";
import { temporaryFolder } from "./contracts/temporary-folder.ts";

const run = promisify(execFile);
const table = ["create table things (name text unique, bytes blob) strict"];
const insert = (name: string) => ({ sql: "insert into things (name) values ($name)", params: { name } });

async function openThings() {
  const folder = await temporaryFolder();
  const path = join(folder.path, "things.db");
  const sqlite = await openSqlite(path);
  await sqlite.migrate("things", table);
  return {
    sqlite,
    path,
    async [Symbol.asyncDispose]() {
      await sqlite.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function names(sqlite: Sqlite): Promise<readonly unknown[]> {
  const [rows] = await sqlite.read([{ sql: "select name from things order by rowid" }]);
  return rows!.map(({ name }) => name);
}

describe("sqlite in its thread", () => {
  test("runs a request's statements in order and answers the rows of each", async () => {
    await using opened = await openThings();
    const answers = await opened.sqlite.write([
      insert("a"),
      { sql: "insert into things (name) values ('b') returning rowid as place" },
      { sql: "select count(*) as things from things where name > $name", params: { name: "a" } },
    ]);
    assert.deepEqual(answers, [[], [{ place: 2 }], [{ things: 1 }]]);
  });

  test("undoes all of a request that fails, and nothing of those that share its transaction", async () => {
    await using opened = await openThings();
    const { sqlite } = opened;
    const results = await Promise.allSettled([
      sqlite.write([insert("a")]),
      sqlite.write([insert("b"), insert("c"), insert("a")]),
      sqlite.write([insert("d")]),
      sqlite.write([{ sql: "no such statement" }]),
      sqlite.write([insert("e")]),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status === "fulfilled"),
      [true, false, true, false, true],
    );
    for (const result of results) {
      if (result.status === "rejected") assert.equal(result.reason.code, "internal");
    }
    assert.deepEqual(await names(sqlite), ["a", "d", "e"]);
  });

  test("commits what waits together as one transaction", async () => {
    await using opened = await openThings();
    const { sqlite, path } = opened;
    using reader = new DatabaseSync(path);
    const version = () => (reader.prepare("pragma data_version").get() as { data_version: number }).data_version;
    const seen = new Set<number>();
    const count = () => (reader.prepare("select count(*) as n from things").get() as { n: number }).n;
    const writes = Promise.all(Array.from({ length: 200 }, (_, index) => sqlite.write([insert(String(index))])));
    let isDone = false;
    writes.then(() => {
      isDone = true;
    });
    const before = version();
    while (!isDone) {
      seen.add(count());
      await sleep(1);
    }
    assert.deepEqual(
      [...seen].filter((n) => n !== 0 && n !== 200),
      [],
    );
    assert.notEqual(version(), before);
  });

  test("waits for another process's transaction without holding up this one's event loop", async () => {
    await using opened = await openThings();
    using other = new DatabaseSync(opened.path);
    other.exec("begin immediate");
    let isWritten = false;
    const writing = opened.sqlite.write([insert("a")]).then(() => {
      isWritten = true;
    });
    let turns = 0;
    for (const until = Date.now() + 300; Date.now() < until; turns += 1) await sleep(2);
    assert.equal(isWritten, false);
    assert.ok(turns > 10, `only ${turns} turns`);
    other.exec("commit");
    await writing;
    assert.deepEqual(await names(opened.sqlite), ["a"]);
  });

  test("reads while another process writes", async () => {
    await using opened = await openThings();
    using other = new DatabaseSync(opened.path);
    other.exec("begin immediate; insert into things (name) values ('theirs')");
    assert.deepEqual(await names(opened.sqlite), []);
    other.exec("commit");
    assert.deepEqual(await names(opened.sqlite), ["theirs"]);
  });

  test("lets two processes look and then write in one request, however they meet", async () => {
    await using opened = await openThings();
    await using other = await openSqlite(opened.path);
    const count = { sql: "select count(*) as n from things" };
    const counted = { sql: "insert into things (name) select count(*) from things returning name" };
    const writes = Array.from({ length: 300 }, (_, index) =>
      (index % 2 ? opened.sqlite : other).write([count, counted]),
    );
    const answers = await Promise.all(writes);
    for (const [[before], [inserted]] of answers as [[{ n: number }], [{ name: string }]][]) {
      assert.equal(inserted.name, String(before.n));
    }
  });

  test("takes new migration steps once, each owner's by themselves, and refuses a file of a newer veil", async () => {
    await using opened = await openThings();
    const { sqlite, path } = opened;
    await sqlite.migrate("other", ["create table others (x)"]);
    const longer = [...table, "alter table things add column size integer; update things set size = 7"];
    await sqlite.write([insert("a")]);
    const second = await openSqlite(path);
    await Promise.all([sqlite.migrate("things", longer), second.migrate("things", longer)]);
    assert.deepEqual((await second.read([{ sql: "select size from things" }]))[0], [{ size: 7 }]);
    await assert.rejects(second.migrate("things", table), /Expected version 1 or older/);
    const failing = [...longer, "create table half (x); create table things (x)"];
    await assert.rejects(second.migrate("things", failing), /already exists/);
    await assert.rejects(second.read([{ sql: "select * from half" }]), /no such table/);
    await second.close();
  });

  test("finishes what it was asked before it closes, and takes nothing after", async () => {
    await using opened = await openThings();
    const { sqlite, path } = opened;
    const writes = Array.from({ length: 1000 }, (_, index) => sqlite.write([insert(String(index))]));
    const closing = sqlite.close();
    await assert.rejects(sqlite.write([insert("late")]), { name: "Problem", code: "shutting-down" });
    await closing;
    await Promise.all(writes);
    await sqlite.close();
    assert.deepEqual(await readdir(join(path, "..")), ["things.db"], "a clean close leaves no log behind");
    await using again = await openSqlite(path);
    assert.equal((await names(again)).length, 1000);
  });

  test("says why a file cannot be opened", async () => {
    await using folder = await temporaryFolder();
    const expected = { name: "Problem", code: "invalid-config", message: /nowhere\/x\.db/ };
    await assert.rejects(openSqlite(join(folder.path, "nowhere/x.db")), expected);
  });

  test("says store-full when the disk is, undoes the whole group, and goes on when there is room", async (context) => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, "small");
    await mkdir(root);
    try {
      await run("mount", ["-t", "tmpfs", "-o", "size=1m", "none", root]);
    } catch (error) {
      return context.skip(`not run: no right to mount here (${(error as Error).message.trim()})`);
    }
    const sqlite = await openSqlite(join(root, "things.db"));
    try {
      await sqlite.migrate("things", table);
      const big = { sql: "insert into things values ('big', zeroblob(3000000))" };
      const results = await Promise.allSettled([
        sqlite.write([insert("a")]),
        sqlite.write([big]),
        sqlite.write([insert("b")]),
      ]);
      const codes = results.map((result) => (result.status === "rejected" ? result.reason.code : "done"));
      assert.equal(codes[1], "store-full");
      const kept = ["a", "b"].filter((_, index) => codes[index * 2] === "done");
      assert.deepEqual(await names(sqlite), kept);
      await sqlite.write([insert("c")]);
      assert.deepEqual(await names(sqlite), [...kept, "c"]);
    } finally {
      await sqlite.close();
      await run("umount", [root]);
    }
  });
});
