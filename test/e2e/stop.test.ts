import assert from "node:assert/strict";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { stringify } from "yaml";
import type { JobsResponse } from "../../src/http/schema.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startDeafListener } from "../fixtures/deaf-listener.ts";
import { portraitOf } from "../fixtures/hosts.ts";
import { startStandIn } from "../stores/http-stand-in.ts";
import { startProgram, temporaryDataDir, until } from "./program.ts";

const count = 40;

test("stopped in the middle of its work it ends cleanly, and the next start does the rest", async () => {
  const dataDir = await temporaryDataDir();
  try {
    const photo = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
      .jpeg()
      .toBuffer();
    // They are all the same picture, and each is to be worked on.
    const flags = ["--set", "cache.driver=none"];
    const first = await startProgram({ dataDir, flags });
    for (let i = 0; i < count; i++) await writeFile(join(dataDir, "input_photos", `${i}.jpg`), photo);
    const counts = async (address: string) =>
      ((await (await fetch(`${address}/api/v1/jobs?limit=1`)).json()) as JobsResponse).counts;
    await until("some are done", async () => ((await counts(first.address)).done ?? 0) >= 5);
    assert.equal(await first.stop(), 0, first.log());
    assert.deepEqual(await readdir(join(dataDir, "spool")), []);

    await using second = await startProgram({ dataDir, flags });
    const { done = 0 } = await counts(second.address);
    assert.ok(done < count, "it stopped too late to show anything");
    await until("all are done", async () => (await counts(second.address)).done === count);
    const { jobs } = (await (await fetch(`${second.address}/api/v1/jobs?limit=500`)).json()) as JobsResponse;
    assert.ok(
      jobs.every(({ attempts }) => attempts === 1),
      "a clean stop costs no attempt",
    );
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

test("told of other routes, or to stop, while stores are silent in the middle of a listing, it does so at once", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  for (const name of ["data", "photos", "masked"]) await mkdir(at(name));
  // Nobody answers, neither to a listing nor to the sweep of an output.
  await using server = await startStandIn(() => {});
  const soonMs = 5_000;
  const routes = {
    inward: { from: "store:silent/in", to: at("masked") },
    outward: { from: at("photos"), to: "store:silent/out" },
  };
  const configure = (changed: object) => {
    const stores = { silent: { kind: "webdav", url: server.url } };
    return writeFile(at("data/veil.yaml"), JSON.stringify({ stores, routes: { ...routes, ...changed } }));
  };
  await configure({});
  await using veil = await startProgram({ dataDir: at("data"), flags: ["--log-level", "info"] });
  const asked = (path: string) => server.requests.filter(({ url }) => url?.includes(path)).length;
  await until("listing and sweep are under way", async () => asked("/in/") > 0 && asked("/out/") > 0);
  await configure({ inward: { ...routes.inward, exclude: ["private/**"] } });
  const told = performance.now();
  process.kill(veil.pid, "SIGHUP");
  await until("the routes are others", async () => /the configuration was read again/.test(veil.log()));
  assert.ok(performance.now() - told < soonMs, `it took ${performance.now() - told} ms`);
  await until("the new route lists", async () => asked("/in/") > 1);
  const stopped = performance.now();
  assert.equal(await veil.stop(), 0, veil.log());
  assert.ok(performance.now() - stopped < soonMs, `it took ${performance.now() - stopped} ms`);
  assert.doesNotMatch(veil.log(), /"level":(50|60)|internal/);
});

test("what does not end within jobs.stopWithinMs is cut off, and done after the next start", async () => {
  await using folder = await temporaryFolder();
  const at = (...path: string[]) => join(folder.path, ...path);
  for (const name of ["data", "in", "out"]) await mkdir(at(name), { mode: 0o700 });
  await using silent = await startDeafListener();
  const fast = { settleMs: 20, reconcileMs: 1000 };
  const settings = (to: string) => ({
    jobs: { stopWithinMs: 1500, leaseMs: 1000 },
    ...{ folder: { watch: false }, cache: { driver: "none" } },
    stores: { silent: { kind: "webdav", url: silent.url } },
    routes: { slow: { from: at("in"), to, ...fast } },
  });
  await writeFile(at("data", "veil.yaml"), stringify(settings("store:silent/")));
  await writeFile(at("in", "a.jpg"), await portraitOf(300));
  {
    await using first = await startProgram({ dataDir: at("data") });
    await until("the picture is on its way to a store that does not answer", async () =>
      /job started/.test(first.log()),
    );
    const began = performance.now();
    assert.equal(await first.stop(), 0, first.log());
    assert.ok(performance.now() - began < 4000, `it took ${performance.now() - began} ms`);
    assert.match(first.log(), /did not end in time/);
  }
  await writeFile(at("data", "veil.yaml"), stringify(settings(at("out"))));
  await using _second = await startProgram({ dataDir: at("data") });
  await until("it is masked", async () => (await readdir(at("out"))).includes("a.jpg"));
  assert.deepEqual(await readdir(at("data", "spool")).then((names) => names.length), 1, "what the first left is swept");
});
