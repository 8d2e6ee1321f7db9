import assert from "node:assert/strict";
import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { stringify } from "yaml";
import type { JobBody } from "../../src/http/schema.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { type Program, startProgram, until } from "../e2e/program.ts";
import { countsOf, portraitOf } from "../fixtures/hosts.ts";
import { detailCorrelation, pixelsOf } from "../fixtures/pixels.ts";
import { portraitFace } from "../fixtures/scenes.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { form } from "../http/client.ts";

const photos = 10;
const uploads = 3;
const widthOf = (index: number) => 300 + index;

describe("veil backup and veil restore", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const at = (...path: string[]) => join(folder.path, ...path);
  const settings = () => ({
    folder: { input: at("in"), output: at("out"), settleMs: 20, reconcileMs: 1000 },
    ...{ cache: { driver: "none" }, engine: { processes: 1 }, policy: { minScore: 0.8 }, jobs: { leaseMs: 2000 } },
  });
  const contents = async () => {
    const names = (await readdir(at("out"))).filter((name) => !name.startsWith("."));
    const read = async (name: string) => [name, (await readFile(at("out", name))).toString("base64")] as const;
    return new Map(await Promise.all(names.map(read)));
  };

  before(async () => {
    folder = await temporaryFolder();
    for (const name of ["data", "in", "out"]) await mkdir(at(name), { mode: 0o700 });
    await writeFile(at("data", "veil.yaml"), stringify(settings()));
  });
  after(() => folder[Symbol.asyncDispose]());

  test("names the keys that open something again: one that was revoked since is among them", async () => {
    const dir = at("keyed");
    const made = await veilCommand(dir, "keys", "create", "ward 7", "--role", "read");
    const id = made.out.split("_")[1]!;
    assert.equal((await veilCommand(dir, "backup", at("keyed-backup"))).code, 0);
    assert.equal((await veilCommand(dir, "keys", "revoke", id)).code, 0);
    await rm(dir, { recursive: true });
    const { code, out } = await veilCommand(dir, "restore", at("keyed-backup"));
    assert.equal(code, 0, out);
    assert.match(out, new RegExp(`open something again[^]*${id}  ward 7`));
    assert.ok(out.endsWith(`veil ledger verify --data-dir ${dir}\n`), out);
  });

  test("keeps uploads for their owner alone, whatever bits they had, and their versions", async () => {
    const dir = at("open");
    assert.equal((await veilCommand(dir, "keys", "list")).code, 0);
    await writeFile(join(dir, "inbox", "a.jpg"), "an original", { mode: 0o644 });
    assert.equal((await veilCommand(dir, "backup", "--uploads", at("open-backup"))).code, 0);
    const { mtimeNs } = await stat(join(dir, "inbox", "a.jpg"), { bigint: true });
    const assertPrivate = async (file: string) => {
      const stats = await stat(file, { bigint: true });
      assert.deepEqual([stats.mtimeNs, stats.mode & 0o777n], [mtimeNs, 0o600n], file);
    };
    const copy = at("open-backup", "inbox", "a.jpg");
    await assertPrivate(copy);
    await rm(dir, { recursive: true });
    // As an older veil's backup has it.
    await chmod(copy, 0o644);
    assert.equal((await veilCommand(dir, "restore", at("open-backup"))).code, 0);
    await assertPrivate(join(dir, "inbox", "a.jpg"));
  });

  test("taken in the middle of work and put back after all is lost: nothing is lost, nothing masked twice", async () => {
    let ids: readonly string[];
    {
      await using veil = await startProgram({ dataDir: at("data") });
      for (let i = 0; i < photos; i++) await writeFile(at("in", `${i}.jpg`), await portraitOf(widthOf(i)));
      ids = await Promise.all(Array.from({ length: uploads }, (_, index) => upload(veil, index)));
      await until("some are done", async () => ((await countsOf(veil)).done ?? 0) >= 3);
      const { code, out, err } = await veilCommand(at("data"), "backup", "--uploads", at("backup"));
      assert.equal(code, 0, out + err);
      const { done = 0 } = await countsOf(veil);
      assert.ok(done < photos + uploads, "all was done before the backup: it shows nothing");
      await until("more are done than the backup knows", async () => ((await countsOf(veil)).done ?? 0) > done + 1);
      await veil.kill();
    }
    const before = await contents();
    const times = new Map(
      await Promise.all([...before.keys()].map(async (name) => [name, (await stat(at("out", name))).mtimeMs] as const)),
    );
    await rm(at("data"), { recursive: true });

    assert.equal((await veilCommand(at("data"), "backup", "--check", at("backup"))).code, 0);
    assert.equal((await veilCommand(at("data"), "restore", at("backup"))).code, 0);
    assert.match((await veilCommand(at("data"), "ledger", "verify")).out, /records prove themselves/);
    await using veil = await startProgram({ dataDir: at("data") });
    await until("all are done", async () => (await countsOf(veil)).done === photos + uploads, 90_000);
    const { dead = 0, failed = 0, held = 0 } = await countsOf(veil);
    assert.deepEqual([dead, failed, held], [0, 0, 0]);
    const now = await contents();
    assert.equal(now.size, photos);
    for (const [name, bytes] of before) {
      assert.equal(now.get(name), bytes, `${name} was masked into something else`);
      assert.equal((await stat(at("out", name))).mtimeMs, times.get(name), `${name} was written again`);
    }
    for (let i = 0; i < photos; i++) await assertMasked(await readFile(at("out", `${i}.jpg`)), widthOf(i));
    for (const id of ids) {
      const result = await fetch(`${veil.address}/api/v1/jobs/${id}/result`);
      assert.equal(result.status, 200, id);
    }
    assert.match((await veilCommand(at("data"), "ledger", "verify")).out, /records prove themselves/);
  });

  test("has the keys, is its owner's alone, and says what is not in it", async () => {
    const names = await readdir(at("backup"));
    for (const name of ["veil.sqlite", "installation.key", "ledger.key", "veil.yaml", "inbox", "backup.json"])
      assert.ok(names.includes(name), name);
    assert.equal((await stat(at("backup"))).mode & 0o077, 0);
    assert.equal((await stat(at("backup", "veil.sqlite"))).mode & 0o077, 0);
    const { out } = await veilCommand(at("data"), "backup", at("small"));
    assert.match(out, /Uploads that are not done yet are not in it/);
    assert.ok(!(await readdir(at("small"))).includes("inbox"));
  });

  test("refuses a backup that is damaged or was broken off, and a folder that holds something", async () => {
    assert.match((await veilCommand(at("data"), "backup", at("small"))).err, /is not empty/);
    assert.match((await veilCommand(at("data"), "restore", at("small"))).err, /data is not empty/);
    await appendFile(at("small", "ledger.key"), "x");
    const damaged = await veilCommand(at("other"), "restore", at("small"));
    assert.deepEqual([damaged.code, /is damaged: ledger\.key/.test(damaged.err)], [2, true], damaged.err);
    const manifest = JSON.parse(await readFile(at("small", "backup.json"), "utf8")) as object;
    const files = [{ path: "veil.yaml", size: "1", sha256: "x" }];
    for (const text of ["", "{", "null", "[]", JSON.stringify({ ...manifest, files })]) {
      await writeFile(at("small", "backup.json"), text);
      for (const args of [["restore"], ["backup", "--check"]]) {
        const odd = await veilCommand(at("other"), ...args, at("small"));
        assert.deepEqual([odd.code, /backup\.json is none of veil-backup\/1/.test(odd.err)], [2, true], odd.err);
        assert.doesNotMatch(odd.err, /\n +at /, text);
      }
    }
    await rm(at("small", "backup.json"));
    assert.match((await veilCommand(at("other"), "restore", at("small"))).err, /There is no backup in/);
    await assert.rejects(stat(at("other")), { code: "ENOENT" });
    assert.match((await veilCommand(at("nowhere"), "backup", at("never"))).err, /There is no data folder/);
  });

  async function upload({ address }: Program, index: number): Promise<string> {
    const reply = await fetch(`${address}/api/v1/jobs`, {
      method: "POST",
      body: form("image", [await portraitOf(500 + index)]),
    });
    assert.equal(reply.status, 202, await reply.clone().text());
    return ((await reply.json()) as JobBody).id;
  }

  async function assertMasked(file: Buffer, width: number): Promise<void> {
    const [original, masked] = [await pixelsOf(await portraitOf(width)), await pixelsOf(file)];
    const scale = width / 512;
    const face = Object.fromEntries(
      Object.entries(portraitFace).map(([name, value]) => [name, value * scale]),
    ) as unknown as typeof portraitFace;
    assert.equal((await sharp(file).metadata()).width, width);
    assert.ok(Math.abs(detailCorrelation(original, masked, face)) < 0.25);
  }
});
