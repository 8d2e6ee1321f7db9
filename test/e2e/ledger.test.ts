import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { readHeads } from "../../src/ledger/heads-file.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { startProgram, temporaryDataDir, until } from "./program.ts";

let dataDir = "";
let outside = "";

before(async () => {
  dataDir = await temporaryDataDir();
  outside = await temporaryDataDir();
});
after(async () => {
  for (const folder of [dataDir, outside]) await rm(folder, { recursive: true, force: true });
});

const ledger = (...args: string[]) => veilCommand(dataDir, "ledger", ...args);

test("the service seals while it runs and when it stops, keeps heads elsewhere, and proves what it masked", async () => {
  const heads = join(outside, "late", "heads.jsonl");
  await using veil = await startProgram({ dataDir, flags: ["--set", `ledger.heads=${heads}`] });
  const portrait = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
    .jpeg()
    .toBuffer();
  const smaller = await sharp(portrait).resize(300).jpeg().toBuffer();
  const form = () => {
    const body = new FormData();
    body.set("image", new Blob([new Uint8Array(smaller)]), "a.jpg");
    return { method: "POST", body };
  };
  const masked = await (await fetch(`${veil.address}/api/v1/anonymize`, form())).arrayBuffer();
  await until("word of the disk that is not there", async () => /Cannot write the ledger's heads/.test(veil.log()));
  await mkdir(join(outside, "late"));
  await writeFile(join(dataDir, "input_photos", "watched.jpg"), portrait);
  const result = join(dataDir, "output_anonymous", "watched.jpg");
  await until("the result", () => readFile(result).catch(() => undefined));
  await until("a head elsewhere", async () => (await readFile(heads, "utf8").catch(() => "")).includes('"size":4'));
  assert.equal(veil.log().match(/Cannot write the ledger's heads/g)?.length, 1);

  // A request that is answered is recorded: what is not sealed by the clock is sealed at the end.
  await (await fetch(`${veil.address}/api/v1/anonymize`, form())).arrayBuffer();
  assert.equal(await veil.stop(), 0);
  const { code, out } = await ledger("verify", "--heads", heads);
  assert.equal(code, 0, out);
  assert.match(out, /^5 records prove themselves\n/);
  assert.doesNotMatch(out, /not sealed/);
  const last = (await Array.fromAsync(readHeads(heads))).at(-1)?.head;
  assert.equal(last?.size, 5);

  await writeFile(join(outside, "answer.jpg"), new Uint8Array(masked));
  for (const [file, outcome] of [
    [join(outside, "answer.jpg"), "masked"],
    [result, "done"],
  ] as const) {
    const proof = join(outside, "proof.json");
    assert.equal((await ledger("proof", file, "-o", proof, "--heads", heads)).code, 0);
    const checked = await ledger("proof", file, "--check", proof, "--heads", heads);
    assert.equal(checked.code, 0, checked.out);
    assert.match(checked.out, new RegExp(`outcome +${outcome}, .*service:`));
    assert.match(
      checked.out,
      /masked +\d regions, blur standard\nwith +veil \d+\.\d+\.\d+, mediapipe-full-range [0-9a-f]{64}/,
    );
  }
});
