import assert from "node:assert/strict";
import { copyFile, mkdir, open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { stringify } from "yaml";
import type { JobBody, JobsResponse } from "../../src/http/schema.ts";
import type { Status } from "../../src/http/status-schema.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { type Share, startSamba, withoutSamba } from "../fixtures/samba.ts";
import { type Program, startProgram, until } from "./program.ts";

const skip = withoutSamba();
const photo = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
  .resize(400)
  .jpeg({ quality: 95 })
  .toBuffer();
let share: Share;
let veil: Program;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const local = (name: string) => join(folder.path, name);
const start = async () => {
  veil = await startProgram({ dataDir: local("data") });
};

before(async () => {
  if (skip !== false) return;
  folder = await temporaryFolder();
  for (const name of ["data", "twice"]) await mkdir(local(name));
  share = await startSamba();
  for (const name of ["in", "out", "twice-out"]) await mkdir(join(share.exported, name));
  await share.mount();
  const quick = { settleMs: 500, incompleteMs: 20_000, reconcileMs: 60_000, pollMs: 500 };
  const routes = {
    nas: {
      from: join(share.mounted, "in"),
      to: join(share.mounted, "out"),
      removed: "remove",
      mostRemoved: 1,
      ...quick,
    },
    twice: { from: local("twice"), to: join(share.mounted, "twice-out"), ...quick },
  };
  await writeFile(local("data/veil.yaml"), stringify({ routes }, { aliasDuplicateObjects: false }));
  await start();
});
after(async () => {
  if (skip !== false) return;
  await veil[Symbol.asyncDispose]();
  await share[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Without those that an even newer version of the file took over from: a slow mount tells a file's time late. */
async function jobsOf(route: string): Promise<readonly JobBody[]> {
  const { jobs } = (await (await fetch(`${veil.address}/api/v1/jobs?limit=500&route=${route}`)).json()) as JobsResponse;
  return jobs.filter(({ state }) => state !== "superseded");
}

async function problemOf(route: string): Promise<string | null> {
  const status = (await (await fetch(`${veil.address}/api/v1/status`)).json()) as Status;
  return status.routes.find(({ name }) => name === route)!.problem?.detail ?? null;
}

test("where no share can be mounted, the reason is said", () => {
  if (skip !== false) assert.match(skip, /^not run: /);
});

describe("a share of a file server", { skip }, () => {
  test("is looked at again and again, because events don't cross the network", async () => {
    await until("it is said", async () =>
      /"route":"nas"[^\n]*"fileSystem":"FUSE"[^\n]*by looking every 500 ms/.test(veil.log()),
    );
    assert.match(veil.log(), /"route":"twice"[^\n]*by its own events/);
  });

  test("what another machine writes there is masked once it is whole, not while it is preallocated", async () => {
    const file = await open(join(share.exported, "in/slow.jpg"), "w");
    await file.truncate(photo.length);
    const piece = Math.ceil(photo.length / 6);
    for (let at = 0; at < photo.length; at += piece) {
      await sleep(700); // longer than settleMs: between two pieces it looks finished
      assert.deepEqual(await jobsOf("nas"), []);
      await file.write(photo.subarray(at, at + piece), 0, Math.min(piece, photo.length - at), at);
    }
    await file.close();
    const job = await until("it is done", async () => {
      const jobs = await jobsOf("nas");
      return jobs.every(({ state }) => state === "done") && jobs[0];
    });
    assert.deepEqual([...new Set((await jobsOf("nas")).map(({ input }) => input.key))], ["slow.jpg"]);
    assert.ok(job.regions !== null && job.regions >= 1);
    const masked = await readFile(join(share.exported, "out/slow.jpg"));
    assert.equal((await sharp(masked).metadata()).width, 400);
    assert.deepEqual(await readdir(join(share.exported, "in")), ["slow.jpg"]);
    assert.deepEqual(await readFile(join(share.exported, "in/slow.jpg")), photo);
  });

  test("that knows no case of letters gives one output to one of two, and the other is a named problem", async () => {
    const other = await sharp(photo).resize(300).jpeg().toBuffer();
    await writeFile(local("twice/Face.jpg"), photo);
    await until("the first is done", async () => (await jobsOf("twice")).some(({ state }) => state === "done"));
    const first = await readFile(join(share.exported, "twice-out/Face.jpg"));
    for (const size of [300, 310]) {
      await writeFile(
        local("twice/FACE.jpg"),
        size === 300 ? other : await sharp(photo).resize(size).jpeg().toBuffer(),
      );
      await until(
        "the other one is refused",
        async () =>
          (await jobsOf("twice")).filter(({ state, problem }) => state === "dead" && problem?.code === "already-exists")
            .length ===
          (size - 290) / 10,
      );
      assert.deepEqual(await readdir(join(share.exported, "twice-out")), ["Face.jpg"]);
      assert.deepEqual(await readFile(join(share.exported, "twice-out/Face.jpg")), first);
    }
  });

  test("that is unmounted and mounted again imports nothing again and deletes nothing", async () => {
    for (const name of ["b.jpg", "c.jpg"])
      await copyFile(join(share.exported, "in/slow.jpg"), join(share.exported, "in", name));
    await until("all are done", async () => {
      const jobs = await jobsOf("nas");
      return jobs.every(({ state }) => state === "done") && new Set(jobs.map(({ input }) => input.key)).size === 3;
    });
    await sleep(2500); // several looks: what a late time made new is done too
    await until("all are done", async () => (await jobsOf("nas")).every(({ state }) => state === "done"));
    const before = (await jobsOf("nas")).map(({ id }) => id).toSorted();
    const outputs = ["b.jpg", "c.jpg", "slow.jpg"];
    const unchanged = async () => {
      assert.deepEqual((await jobsOf("nas")).map(({ id }) => id).toSorted(), before);
      assert.ok((await jobsOf("nas")).every(({ state }) => state === "done"));
      assert.deepEqual((await readdir(join(share.exported, "out"))).toSorted(), outputs);
    };

    await share.unmount();
    assert.deepEqual(await readdir(share.mounted), []);
    assert.match(
      await until("it is broken", () => problemOf("nas").then((problem) => problem ?? false)),
      /cannot be reached|mounted/,
    );
    await sleep(2000);
    await unchanged();
    await share.mount();
    await until("it works again", async () => (await problemOf("nas")) === null);
    await sleep(2500); // several looks
    await unchanged();

    // The same over a restart, with empty folders in the share's place.
    await veil.stop();
    await share.unmount();
    for (const name of ["in", "out"]) await mkdir(join(share.mounted, name));
    await start();
    assert.match(
      await until("it is broken", () => problemOf("nas").then((problem) => problem ?? false)),
      /Nothing is mounted at/,
    );
    await sleep(2000);
    await unchanged();
    await share.mount();
    await until("it works again", async () => (await problemOf("nas")) === null);
    await sleep(2500);
    await unchanged();
  });
});
