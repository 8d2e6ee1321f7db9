import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import sharp from "sharp";
import { defaultPolicy } from "../../src/core/policy.ts";
import { openPicture } from "../../src/engine/image-medium.ts";
import { inlineAs } from "../../src/http/disposition.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { framesOf } from "../fixtures/odd-files.ts";

/* What damaged files and hostile requests have found, each made again by what makes it: it must not come back. */

const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());
const limits = { maxBytes: 2 ** 24, maxPixels: 4e6, maxFrames: 50 };
const detector = { name: "none", digest: "", detect: async () => [] };
const still = (background: string) =>
  sharp({ create: { width: 32, height: 32, channels: 3, background } })
    .png()
    .toBuffer();

async function masked(file: Buffer) {
  const [path, out] = [join(folder.path, "in"), join(folder.path, `out-${file.length}`)];
  await writeFile(path, file);
  const picture = await openPicture(path, { limits, scratch: folder.path, detector });
  await picture.render([], defaultPolicy, out);
  return sharp(await readFile(out), { pages: -1 }).metadata();
}

describe("found by damaged files", () => {
  // sharp takes no more than 65,535 ms: it was a fault of veil's own.
  test("an animation with a frame that stays for minutes is masked, and the frame stays for about one", async () => {
    const gif = await framesOf([await still("red"), await still("blue")], "gif");
    const control = gif.indexOf(Buffer.from([0x21, 0xf9, 4]));
    gif.writeUInt16LE(32_782, control + 4);
    assert.deepEqual((await sharp(gif, { pages: -1 }).metadata()).delay, [327_820, 100]);
    assert.deepEqual((await masked(gif)).delay, [65_540, 100]);
  });

  test("frames that are alike become one that stays for as long as all of them", async () => {
    const red = await still("red");
    const { delay, pages } = await masked(await framesOf([red, red, red, await still("blue")], "webp"));
    assert.deepEqual([pages, delay], [2, [300, 100]]);
  });
});

describe("found by hostile requests", () => {
  // Clients refuse headers of more than 16 kB, and had no answer at all.
  test("a name of thousands of letters comes back short, with its ending", () => {
    const said = inlineAs(`${"long".repeat(2000)}-masked.jpg`);
    assert.ok(said.length < 600);
    assert.match(said, /-masked\.jpg$/);
  });

  test("a name that would be shown otherwise than it is saved shows what it is", () => {
    assert.doesNotMatch(decodeURIComponent(inlineAs("gpj.\u202eexe\r\n.jpg")), /[\u202e\r\n]/);
  });
});
