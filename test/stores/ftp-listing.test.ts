import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, readdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { minuteOf } from "../../src/stores/ftp-facts.ts";
import type { ObjectInfo, Store } from "../../src/stores/store.ts";
import { eventually } from "../contracts/eventually.ts";
import {
  failsReadingsOfWhatChanges,
  keepsFoldersAndFilesApart,
  saysThatTheRootIsAway,
  sweepsItsOwnOldFile,
} from "../contracts/folder-store.ts";
import { bodyOf, keysOf, read, withCode } from "../contracts/store.ts";
import { startPyftpdlib, startVsftpd, withoutPyftpdlib, withoutVsftpd } from "../fixtures/ftp-server.ts";
import { openFtp } from "./ftp-store.ts";
import { mountTmpfs } from "./tmpfs.ts";

const run = promisify(execFile);
const image = { contentType: "image/jpeg" };
const servers = [
  { name: "vsftpd", skip: withoutVsftpd(), start: startVsftpd },
  { name: "pyftpdlib", skip: withoutPyftpdlib(), start: startPyftpdlib },
];

async function infosOf(store: Store): Promise<readonly ObjectInfo[]> {
  const infos: ObjectInfo[] = [];
  for await (const info of store.list("")) infos.push(info);
  return infos;
}

for (const { name, skip, start } of servers) {
  const server = skip ? undefined : await start();
  after(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  describe(`the ftp store and what else lives on ${name}`, { skip }, () => {
    test("says store-unavailable, and makes nothing, when the root is not there", async () => {
      await using opened = await openFtp(server!);
      await saysThatTheRootIsAway(opened);
    });

    test("tells a folder whose name is not UTF-8, and with it all that lies in it", async () => {
      await using opened = await openFtp(server!);
      const folder = Buffer.from(`${opened.root}/caf\xe9`, "latin1");
      await mkdir(folder);
      await writeFile(Buffer.concat([folder, Buffer.from("/x.jpg")]), "x");
      await writeFile(join(opened.root, "y.jpg"), "y");
      assert.deepEqual(await keysOf(opened.store), ["y.jpg"]);
      assert.equal(opened.problems.length, 1, opened.problems.map(({ message }) => message).join("\n"));
      assert.match(opened.problems[0]!.message, /caf/);
    });

    test("lies in a part of its root", async () => {
      await using opened = await openFtp(server!);
      await mkdir(join(opened.root, "in/deep"), { recursive: true });
      await using part = await openFtp(server!, { root: `${opened.root}/`, part: "in/deep" });
      await part.store.put("a/x.jpg", bodyOf("x"), image);
      assert.deepEqual(await keysOf(opened.store), ["in/deep/a/x.jpg"]);
      assert.deepEqual(await keysOf(part.store), ["a/x.jpg"]);
    });

    test("passes over links, pipes, what systems keep for themselves and its own unfinished files", async () => {
      await using opened = await openFtp(server!);
      const { store, root, problems } = opened;
      const hidden = [".DS_Store", "a/Thumbs.db", "@eaDir/x.jpg/SYNOPHOTO.jpg", ".veil-0/x.jpg"];
      for (const key of [...hidden, `.veil-${randomUUID()}.part`, "a/photo.jpg", ".photo.jpg"]) {
        await mkdir(join(root, key, ".."), { recursive: true });
        await writeFile(join(root, key), key);
      }
      // The other one lists them as what they are not.
      if (name === "vsftpd") {
        await run("mkfifo", [join(root, "pipe.jpg")]);
        for (const link of ["link.jpg", "folder"]) await symlink(join(root, "a"), join(root, link));
      }
      assert.deepEqual(await keysOf(store), [".photo.jpg", "a/photo.jpg"]);
      assert.deepEqual(problems, []);
      await assert.rejects(store.get("pipe.jpg"), withCode("not-found"));
      await assert.rejects(store.put(".veil-0/x.jpg", bodyOf("x"), image), withCode("invalid-request"));
    });

    test("tells names that it can't say, and lists the others whatever those make of the listing", async () => {
      await using opened = await openFtp(server!);
      const { store, root, problems } = opened;
      await writeFile(Buffer.concat([Buffer.from(join(root, "caf")), Buffer.from([0xe9]), Buffer.from(".jpg")]), "x");
      const told = ["a\nb.jpg", "zz\nsize=1;type=file; fake.jpg"];
      for (const key of name === "vsftpd" ? told : []) await writeFile(join(root, key), key);
      for (const key of ["m.jpg", "real \uFFFD.jpg"]) await writeFile(join(root, key), key);
      const keys = await keysOf(store);
      for (const key of ["m.jpg", "real \uFFFD.jpg"]) assert.ok(keys.includes(key), keys.join());
      // The other one gives such a name a ? and says that it is there.
      assert.equal(problems.length > 0, name === "vsftpd");
      for (const { code } of problems) assert.equal(code, "invalid-request");
      for (const key of keys) if (!/fake|\?/.test(key)) assert.equal(String(await read(store, key)), key);
    });

    test("tells a listing's versions as it tells a single object's, to the second, and sees each change", async () => {
      await using opened = await openFtp(server!);
      const { store, root } = opened;
      const ages = { "new.jpg": 0, "hours.jpg": 5 * 3_600, "years.jpg": 3 * 365 * 86_400 };
      const touch = async (more: number) => {
        for (const [key, age] of Object.entries(ages)) {
          await writeFile(join(root, key), "x");
          const seconds = Math.floor(Date.now() / 1000) - age + more;
          await utimes(join(root, key), seconds, seconds);
        }
      };
      await touch(0);
      const first = await infosOf(store);
      assert.equal(first.length, 3);
      // The second time from memory, where the listing has no seconds.
      assert.deepEqual(await infosOf(store), first);
      for (const info of first) assert.deepEqual(await store.head(info.key), info);
      // Another day: what listings of old files tell.
      await touch(86_400 * 2);
      const second = await infosOf(store);
      for (const info of second) {
        assert.deepEqual(await store.head(info.key), info);
        assert.notEqual(info.version, first.find(({ key }) => key === info.key)?.version);
      }
    });

    test("fails a reading during which the file grew, shrank, or was written over", async () => {
      await using opened = await openFtp(server!);
      await failsReadingsOfWhatChanges(opened, 20_000_000);
    });

    test("sweeps away what interrupted puts left a day ago, and nothing else", async () => {
      await using opened = await openFtp(server!);
      await sweepsItsOwnOldFile(opened);
    });

    test("says already-exists where a folder and a file are in each other's way", async () => {
      await using opened = await openFtp(server!);
      await keepsFoldersAndFilesApart(opened);
    });
  });
}

describe("the ftp store on servers that offer less", { skip: withoutVsftpd() }, () => {
  test("says store-denied where it may only read", async () => {
    await using readable = await startVsftpd("none", ["write_enable=NO"]);
    await using opened = await openFtp(readable);
    await writeFile(join(opened.root, "x.jpg"), "x");
    assert.equal(String(await read(opened.store, "x.jpg")), "x");
    await assert.rejects(opened.store.put("y.jpg", bodyOf("y"), image), withCode("store-denied"));
    await assert.rejects(opened.store.put("a/y.jpg", bodyOf("y"), image), withCode("store-denied"));
    await assert.rejects(opened.store.remove("x.jpg"), withCode("store-denied"));
  });

  test("knows times to the minute where the server tells nothing but LIST", async () => {
    await using bare = await startVsftpd("none", ["cmds_denied=FEAT,SIZE,MDTM,EPSV"]);
    await using opened = await openFtp(bare);
    const { store } = opened;
    const put = await store.put("a/x.jpg", bodyOf("12345"), image);
    assert.equal(put.size, 5);
    assert.equal(put.modifiedAt % 60_000, 0);
    assert.ok(Math.abs(put.modifiedAt - Date.now()) < 120_000);
    assert.deepEqual(await infosOf(store), [put]);
    assert.deepEqual(await store.head("a/x.jpg"), put);
    assert.equal(String(await read(store, "a/x.jpg", { version: put.version })), "12345");
    assert.equal(await store.head("a/y.jpg"), undefined);
    await assert.rejects(store.put("a/x.jpg", bodyOf("y"), { ...image, ifNoneMatch: "*" }), withCode("already-exists"));
  });

  test("reads a range from a server that can't begin in the middle", async () => {
    await using bare = await startVsftpd("none", ["cmds_denied=REST"]);
    await using opened = await openFtp(bare);
    await opened.store.put("x", bodyOf("0123456789".repeat(100_000)), image);
    assert.equal(String(await read(opened.store, "x", { range: { start: 500_003, end: 500_005 } })), "345");
    assert.equal(String(await read(opened.store, "x", { range: { start: 999_998, end: 4_000_000 } })), "89");
  });

  test("removes the old object first where the server renames over nothing, but only then", {
    skip: withoutPyftpdlib(),
  }, async () => {
    await using keeping = await startPyftpdlib("none", "keeping");
    await using opened = await openFtp(keeping);
    const { store, root } = opened;
    const first = await store.put("x.jpg", bodyOf("old"), image);
    await store.put("x.jpg", bodyOf("newer"), { ...image, ifMatch: first.version });
    assert.equal(String(await read(store, "x.jpg")), "newer");
    const free = { ...image, ifNoneMatch: "*" } as const;
    await assert.rejects(store.put("x.jpg", bodyOf("newest"), free), withCode("already-exists"));
    assert.equal(String(await read(store, "x.jpg")), "newer");
    assert.deepEqual(await readdir(root), ["x.jpg"]);
  });

  test("gives objects the time that they are to have, where the server can", { skip: withoutPyftpdlib() }, async () => {
    await using able = await startPyftpdlib();
    await using opened = await openFtp(able);
    const modifiedAt = Date.UTC(2001, 1, 3, 4, 5, 6, 700);
    const info = await opened.store.put("x.jpg", bodyOf("x"), { ...image, attributes: { modifiedAt } });
    assert.equal(info.modifiedAt, Date.UTC(2001, 1, 3, 4, 5, 6));
  });

  test("takes no put for whole that the server's full disk cut short", async (context) => {
    await using server = await startVsftpd();
    await using opened = await openFtp(server);
    await using mounted = await mountTmpfs(context, opened.root);
    if (!mounted) return;
    await assert.rejects(opened.store.put("x.jpg", bodyOf(Buffer.alloc(3_000_000)), image), { name: "Problem" });
    assert.deepEqual(await readdir(opened.root), []);
    // The server may hold the removed file open for a moment.
    await eventually("a small one has room", () =>
      opened.store.put("x.jpg", bodyOf("small"), image).then(
        () => true,
        () => false,
      ),
    );
  });

  test("tells an unreadable folder, and lists the rest", async () => {
    await using guarded = await startVsftpd("none", ["deny_file={*locked*}"]);
    await using opened = await openFtp(guarded);
    const { store, root, problems } = opened;
    for (const key of ["a/x.jpg", "locked/y.jpg", "z.jpg"]) {
      await mkdir(join(root, key, ".."), { recursive: true });
      await writeFile(join(root, key), key);
    }
    const unknown: string[] = [];
    const listed = await Array.fromAsync(store.list("", { onUnknown: (prefix) => unknown.push(prefix) }));
    assert.deepEqual(listed.map(({ key }) => key).toSorted(), ["a/x.jpg", "z.jpg"]);
    assert.deepEqual([problems.map(({ code }) => code), unknown], [["store-denied"], ["locked/"]]);
    assert.match(problems[0]!.message, /locked/);
  });
});

describe("the times of a listing", () => {
  test("are read in the forms that servers write", () => {
    const now = Date.UTC(2026, 1, 10, 12);
    const forms: readonly (readonly [string, number | undefined])[] = [
      ["Feb 10 11:59", Date.UTC(2026, 1, 10, 11, 59)],
      ["Feb  9 01:05", Date.UTC(2026, 1, 9, 1, 5)],
      // In a zone that is ahead.
      ["Feb 11 02:00", Date.UTC(2026, 1, 11, 2)],
      ["Nov 28 22:40", Date.UTC(2025, 10, 28, 22, 40)],
      ["Nov 28  2019", Date.UTC(2019, 10, 28)],
      ["11-28-25  10:40PM", Date.UTC(2025, 10, 28, 22, 40)],
      ["11-28-2025  12:05AM", Date.UTC(2025, 10, 28, 0, 5)],
      ["11-28-25  22:40", Date.UTC(2025, 10, 28, 22, 40)],
      ["28. Nov", undefined],
      ["", undefined],
    ];
    for (const [text, ms] of forms) assert.equal(minuteOf(text, now), ms, text);
  });
});
