import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { link, mkdir, rm, statfs, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { createRoom, type RoomOptions } from "../../src/pipeline/room.ts";
import { openSpool } from "../../src/pipeline/spool.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const run = promisify(execFile);
const never = new AbortController().signal;

function roomIn(spool: string, options: Partial<RoomOptions>) {
  const alerts: string[] = [];
  const room = createRoom({
    ...{ spool, spoolBytes: 1000, disks: () => [], reserveBytes: 0, cacheMs: 0 },
    onAlert: ({ message }) => alerts.push(message),
    onProblem: assert.fail,
    ...options,
  });
  return { room, alerts };
}

const full = { name: "Problem", code: "no-room", status: 503 };

describe("room in the spool", () => {
  test("ends at the quota, is alerted before it ends, and comes back by itself", async () => {
    await using folder = await temporaryFolder();
    const { room, alerts } = roomIn(folder.path, {});
    await mkdir(join(folder.path, "x.scratch"));
    await writeFile(join(folder.path, "x.scratch/pixels"), Buffer.alloc(700));
    // By another name it takes no more room.
    await link(join(folder.path, "x.scratch/pixels"), join(folder.path, "x.scratch/again"));
    await room.require();
    assert.deepEqual(alerts, []);
    await writeFile(join(folder.path, "upload"), Buffer.alloc(150));
    await room.require();
    await room.require();
    assert.equal(alerts.length, 1);
    assert.match(alerts[0]!, /^Room runs out: the spool holds/);
    await writeFile(join(folder.path, "more"), Buffer.alloc(150));
    await assert.rejects(room.require(), full);
    await assert.rejects(room.require(), full);
    assert.equal(alerts.length, 2);
    assert.match(alerts[1]!, /^No new work/);
    let waited = false;
    const waiting = room.wait(never).then(() => {
      waited = true;
    });
    await room.look();
    assert.equal(waited, false);
    await rm(join(folder.path, "x.scratch"), { recursive: true });
    await waiting;
    await room.require();
    // Only after real room a new shortage is news.
    await writeFile(join(folder.path, "again"), Buffer.alloc(550));
    await room.require();
    assert.equal(alerts.length, 3);
  });

  test("is looked for while a transfer goes on, which then leaves nothing", async () => {
    await using folder = await temporaryFolder();
    const spool = await openSpool(join(folder.path, "spool"));
    const { room } = roomIn(spool.folder, { spoolBytes: 3 * 2 ** 20 });
    let sent = 0;
    const endless = Readable.from(
      (async function* () {
        for (;;) {
          sent += 1;
          yield Buffer.alloc(2 ** 18);
        }
      })(),
      { objectMode: false },
    );
    await assert.rejects(spool.receive(endless, { maxBytes: Number.POSITIVE_INFINITY, allow: room.require }), full);
    assert.ok(sent < 40, `${sent} pieces`);
    assert.equal((await room.look()).share, 0);
    await spool.close();
  });

  test("is asked of a disk once a second, however often it is looked for", async () => {
    await using folder = await temporaryFolder();
    const { room } = roomIn(folder.path, { cacheMs: 60_000 });
    await room.look();
    await writeFile(join(folder.path, "big"), Buffer.alloc(2000));
    await room.require();
  });
});

describe("room for one request", () => {
  test("that is larger than all the spool may hold is refused for good, and told before it has come", async () => {
    await using folder = await temporaryFolder();
    const { room, alerts } = roomIn(folder.path, {});
    const tooLarge = { code: "too-large", status: 413, remedy: /limits\.spoolMb/ };
    await assert.rejects(room.require(1, 1000), tooLarge);
    await room.require(1, 999);
    await writeFile(join(folder.path, "other"), Buffer.alloc(1000));
    await assert.rejects(room.require(1, 999), full);
    await assert.rejects(room.require(1, 1000), tooLarge);
    assert.equal(alerts.length, 1);
  });
});

describe("room on a disk", () => {
  test("is measured on those of the routes that there are now", async () => {
    await using folder = await temporaryFolder();
    const { bavail, bsize } = await statfs(folder.path);
    let disks: readonly { readonly name: string; readonly folder: string }[] = [];
    const { room } = roomIn(folder.path, { reserveBytes: bavail * bsize * 2, disks: () => disks });
    await room.require();
    disks = [{ name: "the output of ward", folder: folder.path }];
    await assert.rejects(room.require(), { ...full, message: /the disk of the output of ward/ });
    disks = [];
    await room.require();
  });

  test("ends at the reserve, and what is gone is no lack of room", async () => {
    await using folder = await temporaryFolder();
    const { bavail, bsize } = await statfs(folder.path);
    const problems: string[] = [];
    const options = { reserveBytes: bavail * bsize * 2, onProblem: ({ message }: Error) => problems.push(message) };
    const disk = { name: "the output", folder: folder.path };
    const { room, alerts } = roomIn(folder.path, { ...options, disks: () => [disk] });
    await assert.rejects(room.require(), { ...full, message: /the disk of the output has \d+ MiB free/ });
    assert.equal(alerts.length, 1);
    assert.ok(!alerts[0]!.includes(folder.path), "an alert tells no path");
    const gone = roomIn(folder.path, { ...options, disks: () => [{ ...disk, folder: join(folder.path, "gone") }] });
    await gone.room.require();
    assert.equal(problems.length, 1);
  });

  test("of a small file system: tight, then full, then free again", async (context) => {
    await using folder = await temporaryFolder();
    const disk = join(folder.path, "disk");
    await mkdir(disk);
    try {
      await run("mount", ["-t", "tmpfs", "-o", "size=8m", "none", disk]);
    } catch (error) {
      return context.skip(`not run: no right to mount here (${(error as Error).message.trim()})`);
    }
    try {
      const disks = () => [{ name: "the data folder", folder: disk }];
      const { room, alerts } = roomIn(folder.path, { spoolBytes: 2 ** 40, disks, reserveBytes: 2 * 2 ** 20 });
      await room.require();
      assert.deepEqual(alerts, []);
      await writeFile(join(disk, "fill"), Buffer.alloc(5 * 2 ** 20));
      await room.require();
      assert.match(alerts.join(), /^Room runs out: the disk of the data folder has 3 MiB free, 2 are reserved/);
      await writeFile(join(disk, "more"), Buffer.alloc(2 ** 20));
      await assert.rejects(room.require(), full);
      const waiting = room.wait(never);
      await truncate(join(disk, "fill"));
      await waiting;
      await room.require();
    } finally {
      await run("umount", [disk]);
    }
  });
});
