import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import type { JobsResponse } from "../../src/http/schema.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { portraitJpeg } from "../http/client.ts";
import { type Program, startProgram, temporaryDataDir, until } from "./program.ts";

const names = [1, 2, 3, 4, 5].map((number) => `${number}.jpg`);
let dataDir: string;
let veil: Program;

const configure = (style: string) =>
  writeFile(
    join(dataDir, "veil.yaml"),
    `policy:\n  minScore: 0.8\n  profile: fast\n  style: ${style}\nfolder:\n  settleMs: 100\n`,
  );

before(async () => {
  dataDir = await temporaryDataDir();
  await configure("blur");
  veil = await startProgram({ dataDir });
});
after(async () => {
  await veil[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

async function jobsBy(style: string): Promise<number> {
  const { jobs } = (await (await fetch(`${veil.address}/api/v1/jobs?state=done&limit=100`)).json()) as JobsResponse;
  return jobs.filter(({ policy }) => policy.style === style).length;
}
const outputs = () => Promise.all(names.map((name) => readFile(join(dataDir, "output_anonymous", name))));
const rerun = async (...args: string[]) => {
  const { code, out, err } = await veilCommand(dataDir, "jobs", "rerun", "folder", ...args);
  assert.equal(code, 0, err);
  return out;
};

test("another policy changes nothing by itself; a rerun masks what was done before once more, and once", async () => {
  const portrait = await portraitJpeg();
  for (const [index, name] of names.entries()) {
    const photo = await sharp(portrait)
      .jpeg({ quality: 80 + index })
      .toBuffer();
    await writeFile(join(dataDir, "input_photos", name), photo);
  }
  await until("all are masked", async () => (await jobsBy("blur")) === names.length);
  const before = await outputs();

  await veil.stop();
  await configure("solid");
  veil = await startProgram({ dataDir });
  const later = join(dataDir, "input_photos", "later.jpg");
  await writeFile(later, portrait);
  // It has looked through the folder since.
  await until("the new one is masked", async () => (await jobsBy("solid")) === 1);
  assert.deepEqual(await outputs(), before);

  assert.match(await rerun("--dry-run"), /^5 masked under another policy\n5 would be masked again, about \d+ \w+\n$/);
  assert.deepEqual(await outputs(), before);
  assert.match(await rerun("--key", "1.*", "--dry-run"), /^1 .*\n1 would be/);
  assert.match(await rerun(), /\n5 will be masked again/);
  await until("all are masked again", async () => (await jobsBy("solid")) === names.length + 1);
  const now = await outputs();
  for (const [index, bytes] of now.entries()) assert.notDeepEqual(bytes, before[index]);
  assert.match(await rerun(), /^0 will be masked again\n$/);
  assert.deepEqual((await readdir(join(dataDir, "output_anonymous"))).toSorted(), [...names, "later.jpg"]);
  const wrong = await veilCommand(dataDir, "jobs", "rerun", "other");
  assert.deepEqual([wrong.code, /Expected .*folder.* for the route/.test(wrong.err)], [2, true]);
});
