import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { recognise } from "../../src/core/sniff.ts";
import type { JobBody, JobsResponse } from "../../src/http/schema.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { assertProblem, form, portraitJpeg } from "../http/client.ts";
import { startProgram, until } from "./program.ts";

async function kindsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const heads = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name))));
  return heads.map((bytes) => recognise(bytes.subarray(0, 4096)).kind);
}

test("with a key, uploads that wait and cached results lie on the disk as no picture, and are one to whoever asks", async () => {
  await using folder = await temporaryFolder();
  const keyFile = join(folder.path, "at-rest.key");
  await writeFile(keyFile, randomBytes(32).toString("base64"), { mode: 0o600 });
  const dataDir = join(folder.path, "data");
  const flags = ["--set", `dataKeyFile=${keyFile}`];
  const portrait = await portraitJpeg();
  const ask = async (address: string) => {
    const body = form("image", [portrait], { min_score: "0.8" });
    const answer = await fetch(`${address}/api/v1/jobs`, { method: "POST", body });
    return (await answer.json()) as JobBody;
  };
  let waiting: JobBody;
  {
    // Nothing works on it: it waits in the inbox.
    await using veil = await startProgram({ dataDir, flags: [...flags, "--set", "jobs.ratePerMinute=1"] });
    await (
      await fetch(`${veil.address}/api/v1/anonymize`, { method: "POST", body: form("image", [portrait]) })
    ).bytes();
    assert.deepEqual([...new Set(await kindsIn(join(dataDir, "cache")))], ["other"]);
    waiting = await ask(veil.address);
    await veil.kill();
  }
  const inbox = join(dataDir, "inbox");
  const [upload] = await readdir(inbox);
  assert.equal((await stat(join(inbox, upload!))).mode & 0o777, 0o600);
  const kinds = await kindsIn(inbox);
  assert.ok(!kinds.includes("image"), String(kinds));
  await using veil = await startProgram({ dataDir, flags });
  const result = await until("it is masked", async () => {
    const answer = await fetch(`${veil.address}/api/v1/jobs/${waiting.id}/result`);
    return answer.ok && Buffer.from(await answer.arrayBuffer());
  });
  assert.equal(recognise(result.subarray(0, 4096)).kind, "image");
});

test("without a key, what somebody sends never passes for what a key has sealed", async () => {
  await using veil = await startProgram();
  const body = form("image", [Buffer.from(`vsl1${"x".repeat(200)}`)]);
  await assertProblem(await fetch(`${veil.address}/api/v1/jobs`, { method: "POST", body }), 415, "unsupported");
  assert.deepEqual(await readdir(join(veil.dataDir, "inbox")), []);
  const jobs = (await (await fetch(`${veil.address}/api/v1/jobs`)).json()) as JobsResponse;
  assert.deepEqual(jobs.jobs, []);
});
