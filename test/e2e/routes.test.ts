import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { access, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { stringify } from "yaml";
import type { JobBody, JobsResponse } from "../../src/http/schema.ts";
import type { Status } from "../../src/http/status-schema.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { json } from "../http/client.ts";
import { mountTmpfs } from "../stores/tmpfs.ts";
import { type Program, startProgram, until } from "./program.ts";

const portrait = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
  .resize(256)
  .jpeg()
  .toBuffer();
const main = new URL("../../src/main.ts", import.meta.url).pathname;
let veil: Program;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

const at = (path: string) => join(folder.path, path);
const routes = () => ({
  moving: {
    ...{ from: at("moving"), to: at("moving-masked"), originals: "move", movedTo: at("moving-done") },
    ...{ include: ["**/*.jpg"], exclude: ["private/**"], policy: { style: "solid" } },
    ...{ mode: "0640", times: "original", doneFile: "*.done" },
  },
  taking: {
    from: at("taking"),
    to: at("taking-masked"),
    originals: "delete",
    others: "copy",
    copyTypes: ["csv"],
    mode: "0600",
  },
  following: { from: at("following"), to: at("following-masked"), removed: "remove", mostRemoved: 0.34 },
  lost: { from: at("lost"), to: at("lost-masked"), silentAfterMs: 2000 },
});

async function configure(said: object): Promise<void> {
  const text = { folder: { settleMs: 100, incompleteMs: 1500, reconcileMs: 1000 }, routes: said };
  await writeFile(at("data/veil.yaml"), stringify(text, { aliasDuplicateObjects: false }));
}

before(async () => {
  folder = await temporaryFolder();
  for (const name of ["data", ...Object.keys(routes())]) await mkdir(at(name));
  for (const name of ["moving-masked", "moving-done", "taking-masked", "following-masked", "lost-masked"])
    await mkdir(at(name));
  await rm(at("lost"), { recursive: true });
  await configure(routes());
  veil = await startProgram({ dataDir: at("data"), flags: ["--log-level", "debug"] });
});
after(async () => {
  await veil[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function drop(path: string, bytes: Buffer | string = portrait): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), bytes);
}

async function jobsOf(route: string): Promise<readonly JobBody[]> {
  const { jobs } = (await (await fetch(`${veil.address}/api/v1/jobs?limit=500&route=${route}`)).json()) as JobsResponse;
  return jobs;
}

const jobIn = (route: string, key: string, state: JobBody["state"]) =>
  until(`${key} of ${route} is ${state}`, async () =>
    (await jobsOf(route)).find((job) => job.input.key === key && job.state === state),
  );

async function statusOf(route: string): Promise<Status["routes"][number]> {
  const status = (await (await fetch(`${veil.address}/api/v1/status`)).json()) as Status;
  return status.routes.find(({ name }) => name === route)!;
}

const exists = (path: string) =>
  access(at(path)).then(
    () => true,
    () => false,
  );

describe("routes", () => {
  test("a route with a done-file waits for it, says so, and moves the original of what it has masked", async () => {
    await drop("moving/ward 7/a.jpg");
    await drop("moving/private/b.jpg");
    await drop("moving/private/b.jpg.done", "");
    const then = new Date("2001-02-03T04:05:06Z");
    await utimes(at("moving/ward 7/a.jpg"), then, then);
    await until("it is shown as waiting", async () =>
      (await statusOf("moving")).passed_over.examples.some((words) =>
        /^"ward 7\/a\.jpg" is waited for: "ward 7\/a\.jpg\.done" is not there yet$/.test(words),
      ),
    );
    assert.match(veil.log(), /"level":20,[^\n]*"route":"moving","key":"ward 7\/a\.jpg","verdict":"waits"/);
    assert.deepEqual(await jobsOf("moving"), []);
    await drop("moving/ward 7/a.jpg.done", "");
    await jobIn("moving", "ward 7/a.jpg", "done");
    await until("the original is moved", async () => !(await exists("moving/ward 7/a.jpg")));
    assert.deepEqual(await readFile(at("moving-done/ward 7/a.jpg")), portrait);
    const { mode, mtimeMs } = await stat(at("moving-masked/ward 7/a.jpg"));
    assert.deepEqual([mode & 0o777, mtimeMs], [0o640, then.getTime()]);
    // A comparison under way when the done-file came tells of it once more.
    await until("nothing is waited for", async () => (await statusOf("moving")).passed_over.count === 0);
    assert.ok(await exists("moving/private/b.jpg"), "an excluded picture was taken");
    assert.equal((await jobsOf("moving"))[0]?.policy.style, "solid");
  });

  test("an original of the same name as one that was moved overwrites nothing", async () => {
    const other = await sharp(portrait).resize(200).jpeg().toBuffer();
    const masked = await readFile(at("moving-masked/ward 7/a.jpg"));
    await drop("moving/ward 7/a.jpg", other);
    const { problem } = await jobIn("moving", "ward 7/a.jpg", "dead");
    assert.equal(problem?.code, "already-exists");
    assert.deepEqual(await readFile(at("moving-masked/ward 7/a.jpg")), masked);
    assert.deepEqual(await readFile(at("moving-done/ward 7/a.jpg")), portrait);
    assert.deepEqual(await readFile(at("moving/ward 7/a.jpg")), other);
  });

  test("only kinds on the list are copied, and recorded so; originals go once their output is there", async () => {
    await drop("taking/list.csv", "name,room\nA,7\nB,8\n");
    await drop("taking/letter.txt", "Dear Sir\n");
    await drop("taking/photo.csv");
    await drop("taking/film.csv", Buffer.from("\0\0\0\x18ftypisom\0\0\x02\0isomiso2 and so on", "latin1"));
    assert.equal((await jobIn("taking", "list.csv", "copied")).kind, "csv");
    assert.equal((await jobIn("taking", "letter.txt", "skipped")).kind, "text");
    await jobIn("taking", "film.csv", "skipped");
    await jobIn("taking", "photo.csv", "done");
    await until("what was delivered is gone", async () => (await readdir(at("taking"))).length === 2);
    assert.deepEqual((await readdir(at("taking"))).toSorted(), ["film.csv", "letter.txt"]);
    assert.equal(await readFile(at("taking-masked/list.csv"), "utf8"), "name,room\nA,7\nB,8\n");
    assert.notDeepEqual(await readFile(at("taking-masked/photo.csv")), portrait);
    assert.deepEqual((await readdir(at("taking-masked"))).toSorted(), ["list.csv", "photo.csv"]);
  });

  test("a deleted or renamed original takes its masked picture with it, an emptied folder takes nothing until it is confirmed", async () => {
    for (const name of ["a", "b", "c"]) await drop(`following/${name}.jpg`);
    for (const name of ["a", "b", "c"]) await jobIn("following", `${name}.jpg`, "done");
    await rename(at("following/a.jpg"), at("following/A2.jpg"));
    await jobIn("following", "A2.jpg", "done");
    await jobIn("following", "a.jpg", "removed");
    assert.deepEqual((await readdir(at("following-masked"))).toSorted(), ["A2.jpg", "b.jpg", "c.jpg"]);

    for (const name of await readdir(at("following"))) await rm(at(`following/${name}`));
    await until("it is refused", async () => /3 of 3 originals of route following are gone at once/.test(veil.log()));
    await sleep(2500); // two more looks
    assert.equal((await readdir(at("following-masked"))).length, 3);
    assert.equal(veil.log().match(/"alert":"mass-deletion"/g)?.length, 1);
    const args = [main, "routes", "confirm", "following", "3", "--data-dir", at("data")];
    const confirmed = spawnSync(process.execPath, args, { encoding: "utf8", env: { PATH: process.env.PATH } });
    assert.equal(confirmed.status, 0, confirmed.stderr);
    await until("they are gone", async () => (await readdir(at("following-masked"))).length === 0);
    // What comes back counts as never seen.
    await drop("following/b.jpg");
    await until("it is masked again", async () => exists("following-masked/b.jpg"));
  });

  test("a route without its folder is shown as broken, stops no other one, and works once the folder is there", async () => {
    const { problem, stands_by: standsBy } = await statusOf("lost");
    assert.match(problem?.detail ?? "", /lost cannot be reached: ENOENT/);
    assert.deepEqual([problem?.code, standsBy], ["store-unavailable", false]);
    assert.match(problem?.remedy ?? "", /^Mount it or make it again/);
    assert.ok(Date.parse(problem?.since ?? "") < Date.now());
    assert.equal((await statusOf("taking")).problem, null);
    const metrics = async () => (await fetch(`${veil.address}/metrics`)).text();
    assert.match(await metrics(), /^veil_route_broken\{route="lost"\} 1$/m);
    assert.match(veil.log(), /"alert":"share-gone","route":"lost"/);
    assert.match(veil.log(), /"alert":"silence","route":"lost","msg":"Nothing has arrived on route lost for 2 s"/);
    await drop("lost/a.jpg");
    // A folder's time changes with every name that is made or removed in it.
    const { mtimeNs } = await stat(at("lost"), { bigint: true });
    await jobIn("lost", "a.jpg", "done");
    assert.equal((await stat(at("lost"), { bigint: true })).mtimeNs, mtimeNs);
    assert.equal((await statusOf("lost")).problem, null);
    assert.match(await metrics(), /^veil_route_broken\{route="lost"\} 0$/m);
    assert.match(veil.log(), /"alert":"share-back","route":"lost"/);
    assert.equal(veil.log().match(/"alert":"share-gone"/g)?.length, 1);
  });

  test("an input that is mounted read-only does, and in any input nothing is ever made, renamed or removed", async (context) => {
    await drop("store/deep/a.jpg");
    await mkdir(at("read-only"));
    await mkdir(at("read-only-masked"));
    const mount = (...args: string[]) => spawnSync("mount", args, { encoding: "utf8" });
    const bound = mount("--bind", at("store"), at("read-only"));
    if (bound.status !== 0) return context.skip(`not run: no right to mount here (${bound.stderr.trim()})`);
    try {
      mount("-o", "remount,bind,ro", at("read-only"));
      await assert.rejects(writeFile(at("read-only/x"), ""), { code: "EROFS" });
      await configure({ ...routes(), ro: { from: at("read-only"), to: at("read-only-masked") } });
      process.kill(veil.pid, "SIGHUP");
      await jobIn("ro", "deep/a.jpg", "done");
    } finally {
      await configure(routes());
      process.kill(veil.pid, "SIGHUP");
      await until("the route is gone", async () => (await statusOf("ro")) === undefined);
      spawnSync("umount", [at("read-only")]);
    }
    return undefined;
  });

  test("what a removal that died has left is masked under no odd name, and shown until somebody names it", async () => {
    const odd = "following/odd~removing-0123abcd.jpg";
    await drop(odd);
    await until("it is shown", async () =>
      (await statusOf("following")).passed_over.examples.some((words) => words.includes("odd~removing-0123abcd.jpg")),
    );
    await sleep(2500); // two more looks
    const told = (await jobsOf("following")).map(({ input }) => input.key);
    assert.deepEqual([told.filter((key) => key.startsWith("odd")), await exists(odd)], [[], true]);
    assert.equal(veil.log().match(/A removal that died left \\"odd/g)?.length, 1);
    await rename(at(odd), at("following/odd.jpg"));
    await jobIn("following", "odd.jpg", "done");
    await until("nothing is passed over", async () => (await statusOf("following")).passed_over.count === 0);
  });

  test("a route that is taken out of the configuration ends what waits as it would have, and takes nothing new", async () => {
    const post = (path: string, value: object) => {
      const [body, headers] = json(value);
      return fetch(`${veil.address}/api/v1/jobs${path}`, { method: "POST", body, headers });
    };
    await post("/pause", { route: "taking" });
    await until("it is paused", async () => (await statusOf("taking")).progress.paused);
    await drop("taking/last.csv", "name,room\nC,9\n");
    await drop("taking/last.jpg");
    for (const key of ["last.csv", "last.jpg"]) await jobIn("taking", key, "admitted");
    const { taking: _, ...rest } = routes();
    try {
      await configure(rest);
      process.kill(veil.pid, "SIGHUP");
      await until("the route is gone", async () => (await statusOf("taking")) === undefined);
      assert.equal((await post("", { store: "taking-input", key: "letter.txt" })).status, 404);
      await post("/resume", { route: "taking" });
      await jobIn("taking", "last.csv", "copied");
      await jobIn("taking", "last.jpg", "done");
      await until("their originals are gone", async () => (await readdir(at("taking"))).length === 2);
      for (const name of ["last.csv", "last.jpg"])
        assert.equal((await stat(at(`taking-masked/${name}`))).mode & 0o777, 0o600);
    } finally {
      await configure(routes());
      process.kill(veil.pid, "SIGHUP");
      await until("it is there again", async () => (await statusOf("taking")) !== undefined);
    }
  });

  test("the disk of an output is measured from the moment that its route is there", async (context) => {
    const room = async () => ((await (await fetch(`${veil.address}/api/v1/status`)).json()) as Status).room;
    await mkdir(at("small"));
    await mkdir(at("small-masked"));
    await using mounted = await mountTmpfs(context, at("small-masked"));
    if (mounted === undefined) return;
    assert.ok((await room()).share < 1);
    try {
      await configure({ ...routes(), small: { from: at("small"), to: at("small-masked") } });
      process.kill(veil.pid, "SIGHUP");
      const full = await until("it is full", async () => {
        const now = await room();
        return now.share === 1 && now;
      });
      assert.match(full.detail, /the disk of the output of small has \d MiB free/);
    } finally {
      await configure(routes());
      process.kill(veil.pid, "SIGHUP");
      await until("there is room", async () => (await room()).share < 1);
    }
  });

  test("a configuration with faults replaces nothing; a sound one changes the routes without a restart", async () => {
    await configure({ ...routes(), extra: { from: at("extra"), to: at("taking-masked/x") } });
    process.kill(veil.pid, "SIGHUP");
    await until("it is refused", async () => /stays as it was\. [^\n]*two routes would write/.test(veil.log()));
    assert.equal(await statusOf("extra"), undefined);

    await mkdir(at("extra"));
    await mkdir(at("extra-masked"));
    const { lost: _, ...rest } = routes();
    await configure({ ...rest, extra: { from: at("extra"), to: at("extra-masked") } });
    process.kill(veil.pid, "SIGHUP");
    await drop("extra/a.jpg");
    await jobIn("extra", "a.jpg", "done");
    assert.equal(await statusOf("lost"), undefined);
    await drop("taking/after.jpg");
    await jobIn("taking", "after.jpg", "done");
  });
});
