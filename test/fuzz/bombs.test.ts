import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import sharp from "sharp";
import { defaultPolicy } from "../../src/core/policy.ts";
import { createPool } from "../../src/engine/pool.ts";
import { residentBytes } from "../../src/engine/resident.ts";
import { Problem } from "../../src/errors.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { bundled } from "../engine/detectors.ts";
import { enginesOf } from "../engine/processes.ts";
import { frameBomb, pixelBomb } from "../fixtures/odd-files.ts";
import { portraitPath } from "../fixtures/scenes.ts";
import { chunkBomb, directoryCircle, rowsBomb, scanBomb, screenBomb } from "./bombs.ts";

const spool = await temporaryFolder();
const limits = { maxBytes: 2 ** 26, maxPixels: 50e6, maxFrames: 500 };
const pool = createPool({
  ...{ processes: 1, deadlineMs: 15_000, memoryMb: 700, spool: spool.path, limits, detector: bundled },
});
after(async () => {
  await pool.close();
  await spool[Symbol.asyncDispose]();
});
const portrait = await sharp(portraitPath).resize(160).jpeg().toBuffer();
const progressive = await sharp(portraitPath).resize(1600).jpeg({ progressive: true }).toBuffer();

/** What becomes of a file: `masked`, or the code of its refusal; with the most memory that was seen meanwhile, MiB. */
async function sent(file: Buffer): Promise<{ code: string; mostMiB: number; tookMs: number; masked?: Buffer }> {
  const path = join(spool.path, "bomb");
  await writeFile(path, file);
  await pool.detector();
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, ...enginesOf(process.pid).map(residentBytes));
  }, 50);
  const began = performance.now();
  const done = (code: string, masked?: Buffer) => {
    const numbers = { mostMiB: most / 2 ** 20, tookMs: performance.now() - began };
    return { code, ...numbers, ...(masked && { masked }) };
  };
  try {
    await using picture = await pool.open(path);
    const box = { x: 0, y: 0, width: picture.width, height: picture.height };
    const result = await picture.render([{ kind: "face", box, score: 1 }], defaultPolicy);
    return done("masked", await readFile(result.path));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return done(error.code);
  } finally {
    clearInterval(watch);
  }
}

describe("a bomb", () => {
  const cases: Readonly<Record<string, readonly [file: Buffer, codes: string]>> = {
    "of pixels": [pixelBomb(), "too-many-pixels"],
    "of frames": [frameBomb(600), "too-many-frames"],
    "of a screen without picture": [screenBomb(), "masked or too-many-pixels"],
    "in a colour profile": [chunkBomb("iCCP", 400e6), "masked or unreadable"],
    "in a text": [chunkBomb("zTXt", 400e6), "masked or unreadable"],
    "in an international text": [chunkBomb("iTXt", 400e6), "masked or unreadable"],
    "behind the last row": [rowsBomb(400e6), "masked or unreadable"],
    "of directories in a circle": [directoryCircle(), "masked, too-many-frames or unreadable"],
    "of scans": [scanBomb(progressive, 400), "masked, unreadable or timeout"],
  };

  for (const [name, [file, codes]] of Object.entries(cases)) {
    test(`${name} is met by a limit, in little memory and time`, async (t) => {
      const { code, mostMiB, tookMs } = await sent(file);
      t.diagnostic(
        `${(file.length / 1000).toFixed(0)} kB: ${code}, ${mostMiB.toFixed(0)} MiB, ${tookMs.toFixed(0)} ms`,
      );
      assert.ok(codes.includes(code), `expected ${codes} but it was ${code}`);
      assert.ok(mostMiB < 450, `${mostMiB} MiB`);
      assert.ok(tookMs < 17_000);
    });
  }
});

describe("a file of several kinds", () => {
  const zip = Buffer.from("PK\x03\x04 a whole archive that somebody would like to pass on");
  const others = {
    "an archive behind it": Buffer.concat([portrait, zip]),
    "another picture behind it": Buffer.concat([portrait, portrait]),
    "a page before its end": Buffer.concat([
      portrait.subarray(0, 2),
      Buffer.from([0xff, 0xfe, 0, 30]),
      Buffer.from("<script>alert(1)</script>   "),
      portrait.subarray(2),
    ]),
  };

  for (const [name, file] of Object.entries(others)) {
    test(`with ${name} comes out as the picture alone`, async () => {
      const { code, masked } = await sent(file);
      assert.equal(code, "masked");
      for (const guest of ["PK\x03\x04", "<script>"]) assert.equal(masked!.includes(guest), false, guest);
      assert.equal(masked!.lastIndexOf(Buffer.from([0xff, 0xd8, 0xff])), 0);
      assert.equal(masked!.subarray(-2).toString("hex"), "ffd9");
    });
  }

  test("that begins as something else is not taken for a picture", async () => {
    for (const head of [
      "%PDF-1.7\n",
      "PK\x03\x04",
      "<svg xmlns='http://www.w3.org/2000/svg'/>",
      "GIF",
      "#!/bin/sh\n",
    ]) {
      const { code } = await sent(Buffer.concat([Buffer.from(head, "latin1"), portrait]));
      assert.ok(["unsupported", "not-an-image"].includes(code), `${head}: ${code}`);
    }
  });

  test("under another format's signature reaches no loader but that format's", async () => {
    const svg = Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>");
    const pdf = Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n");
    for (const signature of ["\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "II*\0", "GIF89a", "RIFF\0\0\0\0WEBP"]) {
      for (const body of [svg, pdf]) {
        const { code } = await sent(Buffer.concat([Buffer.from(signature, "latin1"), body]));
        assert.equal(code, "unreadable", signature);
      }
    }
  });
});
