import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { publishedFile, withoutModels } from "../engine/peers.ts";
import { veilCommand as veil } from "../fixtures/veil-command.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const absent = withoutModels("yunet");

describe("veil models", () => {
  test("lists every model with its licence, its digest and whether it is here", async () => {
    await using folder = await temporaryFolder();
    const { code, out } = await veil(join(folder.path, "data"), "models", "list", "--json");
    assert.equal(code, 0);
    const rows = JSON.parse(out) as { name: string; state: string; sha256: string; in_use: boolean }[];
    assert.deepEqual(
      rows.map(({ name, state, in_use }) => [name, state, in_use]),
      [
        ["yunet", "missing", false],
        ["scrfd", "missing", false],
        ["mediapipe-full-range", "ready", true],
      ],
    );
    assert.ok(rows.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256)));
  });

  test("refuses a file that is not the published one, and keeps nothing of it", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "other.onnx");
    await writeFile(file, "not a model");
    const dataDir = join(folder.path, "data");
    const { code, err } = await veil(dataDir, "models", "add", "yunet", "--file", file);
    assert.equal(code, 1);
    assert.match(err, /Licence: Apache-2\.0[\s\S]*Expected SHA-256 104ee26c/);
    const listed = await veil(dataDir, "models", "list", "--json");
    assert.equal(JSON.parse(listed.out)[0].state, "missing");
  });

  test("adds a model that is not free for any use only once its terms are accepted", async () => {
    await using folder = await temporaryFolder();
    const { code, err } = await veil(join(folder.path, "data"), "models", "add", "scrfd");
    assert.equal(code, 2);
    assert.match(err, /non-commercial research only[\s\S]*--accept-licence/);
  });

  test("names the models there are when another one is asked for", async () => {
    await using folder = await temporaryFolder();
    const { code, err } = await veil(join(folder.path, "data"), "models", "add", "retina");
    assert.equal(code, 2);
    assert.match(err, /Expected one of mediapipe-full-range, yunet, scrfd but received retina/);
  });

  test("a named model that is missing stops the start, with the command that adds it", async () => {
    await using folder = await temporaryFolder();
    const { code, err } = await veil(folder.path, "--set", "detector=yunet", "--port", "0", "serve");
    assert.equal(code, 1);
    assert.match(err, /model of the detector yunet[\s\S]*npx veil models add yunet/);
  });

  test("adds the published file, uses it, and tells one that was altered", { skip: absent }, async () => {
    await using folder = await temporaryFolder();
    const settings = join(folder.path, "veil.yaml");
    await writeFile(settings, "# ours\nport: 9000\n");
    const added = await veil(folder.path, "models", "add", "yunet", "--file", publishedFile("yunet"), "--use");
    assert.equal(added.code, 0, added.err);
    assert.equal(await readFile(settings, "utf8"), "# ours\nport: 9000\ndetector: yunet\n");
    const verified = await veil(folder.path, "models", "verify");
    assert.equal(verified.code, 0);
    assert.match(verified.out, /✓ yunet: here/);

    const [path] = /\S+\.onnx/.exec(verified.out)!;
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    const again = await veil(folder.path, "models", "verify");
    assert.equal(again.code, 1);
    assert.match(again.out, /✗ yunet: altered/);
    const start = await veil(folder.path, "--port", "0", "serve");
    assert.equal(start.code, 1);
    assert.match(start.err, /Expected SHA-256 104ee26c[\s\S]*npx veil models add yunet/);
  });
});

describe("the first start", () => {
  test("chooses the detector once and writes it down", { skip: absent }, async () => {
    await using folder = await temporaryFolder();
    const dataDir = join(folder.path, "data");
    await veil(dataDir, "models", "add", "yunet", "--file", publishedFile("yunet"));
    const started = spawn(process.execPath, [main, "--data-dir", dataDir, "--port", "0", "serve", "--set-up"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let screen = "";
    for await (const chunk of started.stdout) {
      screen += chunk;
      if (/Stop\s+Ctrl-C/.test(screen)) started.kill("SIGINT");
    }
    assert.match(screen, /Detector\s+yunet/);
    assert.match(await readFile(join(dataDir, "veil.yaml"), "utf8"), /^# What finds the faces.*\ndetector: yunet\n$/);
  });
});
