import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { Problem } from "../../src/errors.ts";
import { openSpool, readSpoolFile, type Spool, streamOf } from "../../src/pipeline/spool.ts";

let root = "";
let spool: Spool;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "veil-spool-"));
  spool = await openSpool(root);
});
after(() => rm(root, { recursive: true }));

const withCode = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;

describe("the spool", () => {
  test("holds bytes in an owner-only file that goes when it is let go", async () => {
    const bytes = Buffer.from("x".repeat(100_000));
    {
      await using file = await spool.receive(streamOf(bytes), { maxBytes: 1e6 });
      assert.ok(!(await readFile(file.path)).includes("xxxx"), "what is not masked lies on the disk as it is");
      assert.ok(bytes.equals(Buffer.concat(await (await readSpoolFile(file)).toArray())));
      assert.equal(file.sha256, createHash("sha256").update(bytes).digest("hex"));
      assert.equal((await stat(file.path)).mode & 0o777, 0o600);
      assert.equal((await stat(spool.folder)).mode & 0o777, 0o700);
    }
    assert.deepEqual(await readdir(spool.folder), []);
  });

  test("what is masked already lies in it as it is, for whoever delivers it", async () => {
    await using file = await spool.receive(streamOf(Buffer.from("masked")), { maxBytes: 10, isMasked: true });
    assert.equal(String(await readFile(file.path)), "masked");
    assert.equal(file.key, undefined);
  });

  test("a file that somebody changed meanwhile is refused when it is read", async () => {
    await using file = await spool.receive(streamOf(Buffer.from("original")), { maxBytes: 10 });
    const stored = await readFile(file.path);
    await writeFile(file.path, stored.with(0, stored[0]! ^ 1));
    await assert.rejects(async () => (await readSpoolFile(file)).toArray(), withCode("unreadable"));
  });

  test("more bytes than allowed leave nothing behind", async () => {
    const endless = Readable.from(
      (function* () {
        while (true) yield Buffer.alloc(65_536);
      })(),
    );
    await assert.rejects(spool.receive(endless, { maxBytes: 1e6 }), withCode("too-large"));
    assert.deepEqual(await readdir(spool.folder), []);
  });

  test("what is refused while its file is still being opened leaves nothing behind", async () => {
    const inspect = () => {
      throw new Problem("not-an-image", "no picture");
    };
    for (let round = 0; round < 500; round += 1) {
      await assert.rejects(spool.receive(streamOf(Buffer.from("text")), { maxBytes: 10, inspect }));
    }
    assert.deepEqual(await readdir(spool.folder), []);
  });

  test("what the first bytes rule out is not read on", async () => {
    let chunks = 0;
    const film = Readable.from(
      (function* () {
        while (true) {
          chunks++;
          yield Buffer.alloc(65_536);
        }
      })(),
    );
    const inspect = () => {
      throw new Problem("not-an-image", "a film");
    };
    await assert.rejects(spool.receive(film, { maxBytes: 1e12, inspect }), withCode("not-an-image"));
    assert.ok(chunks < 50, `${chunks} chunks were read`);
  });

  test("a source that breaks leaves nothing behind", async () => {
    const broken = Readable.from(
      (function* () {
        yield Buffer.from("start");
        throw new Problem("store-unavailable", "gone");
      })(),
    );
    await assert.rejects(spool.receive(broken, { maxBytes: 1e6 }), withCode("store-unavailable"));
    assert.deepEqual(await readdir(spool.folder), []);
  });

  test("opening removes what dead processes left, and nothing of living ones", async () => {
    const other = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `
      const { openSpool, streamOf } = await import(${JSON.stringify(new URL("../../src/pipeline/spool.ts", import.meta.url).href)});
      const spool = await openSpool(${JSON.stringify(root)});
      await spool.receive(streamOf(Buffer.from("secret")), { maxBytes: 100 });
      console.log(spool.folder);
      setInterval(() => {}, 1000);`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const [line] = await other.stdout.take(1).toArray();
    const folder = String(line).trim();
    const mine = join(spool.folder, "mine");
    await writeFile(mine, "in work");

    await openSpoolElsewhere(root);
    assert.equal((await readdir(folder)).length, 1, "a living process's files stay");
    assert.equal(await readFile(mine, "utf8"), "in work");

    other.kill("SIGKILL");
    await new Promise((resolve) => other.once("exit", resolve));
    await openSpoolElsewhere(root);
    await assert.rejects(readdir(folder), { code: "ENOENT" });
    assert.equal(await readFile(mine, "utf8"), "in work");
    await rm(mine);
  });
});

/** Opens the spool as another process would at its start. */
async function openSpoolElsewhere(folder: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `
    const { openSpool } = await import(${JSON.stringify(new URL("../../src/pipeline/spool.ts", import.meta.url).href)});
    await (await openSpool(${JSON.stringify(folder)})).close();`,
    ],
    { stdio: "inherit" },
  );
  const code = await new Promise((resolve) => child.once("exit", resolve));
  assert.equal(code, 0);
}
