import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import type { DetectResponse, JobBody } from "../../src/http/schema.ts";
import { detailCorrelation, meanDifference, pixelsOf } from "../fixtures/pixels.ts";
import { portraitFace } from "../fixtures/scenes.ts";
import { type Client, form, json, portraitJpeg, startClient } from "../http/client.ts";
import { temporaryDataDir } from "./program.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
let dataDir = "";
let veil: Client;
let portrait: Buffer;

before(async () => {
  dataDir = await temporaryDataDir();
  portrait = await portraitJpeg();
  // What a request does not say, the configuration says.
  await writeFile(join(dataDir, "veil.yaml"), "policy:\n  lossless: true\n  profile: fast\n");
  veil = await startClient({ dataDir });
});
after(async () => {
  await veil[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

/** How many pixels away from the head are not what they were, on average; and the head is gone. */
async function changeOf(file: Buffer): Promise<number> {
  const [before, now] = [await pixelsOf(portrait), await pixelsOf(file)];
  assert.ok(Math.abs(detailCorrelation(before, now, portraitFace)) < 0.1);
  return meanDifference(before, now, (x, y) => x > 400 || y > 400);
}

describe("the option lossless", () => {
  test("of the configuration holds for requests that do not say otherwise, in the query and in fields", async () => {
    const ask = async (query: string, fields = {}) => {
      const answer = await veil.post(`/api/v1/anonymize${query}`, form("image", [portrait], fields));
      assert.equal(answer.status, 200, await answer.clone().text());
      return changeOf(Buffer.from(await answer.arrayBuffer()));
    };
    assert.equal(await ask(""), 0);
    assert.equal(await ask("?lossless=true"), 0);
    assert.ok((await ask("?lossless=false")) > 0);
    assert.ok((await ask("", { lossless: "0" })) > 0);
    assert.equal((await veil.post("/api/v1/anonymize?lossless=maybe", form("image", [portrait]))).status, 400);
  });

  test("is a boolean in JSON", async () => {
    const image_base64 = portrait.toString("base64");
    for (const lossless of [true, false]) {
      const answer = await veil.post("/api/v1/anonymize/base64", ...json({ image_base64, lossless }));
      const { anonymized_base64 } = (await answer.json()) as { anonymized_base64: string };
      assert.equal((await changeOf(Buffer.from(anonymized_base64, "base64"))) === 0, lossless);
    }
  });

  test("refuses by name what would lose something, and answers no picture", async () => {
    const avif = await sharp(portrait).avif().toBuffer();
    const answer = await veil.post("/api/v1/anonymize", form("image", [avif]));
    const problem = (await answer.json()) as { code: string; detail: string };
    assert.deepEqual([answer.status, problem.code], [415, "unsupported"]);
    assert.match(problem.detail, /AVIF.*lossless/);
    const seen = await veil.post("/api/v1/detect", form("image", [avif]));
    assert.ok(((await seen.json()) as DetectResponse).regions.length > 0);
  });

  test("goes with a job, which says so", async () => {
    for (const lossless of [true, false]) {
      const headers = { prefer: "wait=20" };
      const accepted = await veil.post(
        "/api/v1/jobs",
        form("image", [portrait], { lossless: String(lossless) }),
        headers,
      );
      const job = (await accepted.json()) as JobBody;
      assert.deepEqual([job.state, job.policy.lossless], ["done", lossless]);
      const result = await veil.get(`/api/v1/jobs/${job.id}/result`);
      assert.equal((await changeOf(Buffer.from(await result.arrayBuffer()))) === 0, lossless);
    }
  });

  test("is a flag of the command line", async () => {
    const [input, output] = [join(dataDir, "photo.jpg"), join(dataDir, "masked.jpg")];
    await writeFile(input, portrait);
    const args = [
      "--disable-warning=ExperimentalWarning",
      main,
      "mask",
      input,
      "-o",
      output,
      "--lossless",
      "--profile",
      "fast",
    ];
    const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH }, stdio: "ignore" });
    assert.equal(await new Promise((done) => child.once("exit", done)), 0);
    assert.equal(await changeOf(await readFile(output)), 0);
  });
});
