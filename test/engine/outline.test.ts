import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { writeOutlines } from "../../src/engine/outline.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const red = [255, 0, 0] as const;

async function colourAt(path: string, x: number, y: number): Promise<readonly number[]> {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  return [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)];
}

test("a picture that is turned by a tag is drawn on as it is seen", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  // Stored lying: seen, it is 60 wide and 100 high.
  const lying = sharp({ create: { width: 100, height: 60, channels: 3, background: "#ffffff" } });
  await writeFile(at("in.jpg"), await lying.jpeg().withMetadata({ orientation: 6 }).toBuffer());
  await writeOutlines(at("in.jpg"), 0, [{ box: { x: 10, y: 70, width: 40, height: 20 }, colour: red }], at("out.jpg"));
  const { width, height, orientation } = await sharp(at("out.jpg")).metadata();
  assert.deepEqual([width, height, orientation], [60, 100, undefined]);
  const [r, g, b] = await colourAt(at("out.jpg"), 30, 70);
  assert.ok(r! > 180 && g! < 100 && b! < 100, `${[r, g, b]} at the box's upper edge`);
  await assert.rejects(writeOutlines(at("in.jpg"), 0, [], at("out.jpg")), { code: "EEXIST" });
});

test("each frame of an animation can be looked at", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const frames = await Promise.all(
    ["#ffffff", "#0000ff"].map((background) =>
      sharp({ create: { width: 40, height: 30, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  );
  await writeFile(
    at("in.gif"),
    await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer(),
  );
  await writeOutlines(at("in.gif"), 1, [], at("second.jpg"));
  const [r, , b] = await colourAt(at("second.jpg"), 20, 15);
  assert.ok(r! < 60 && b! > 180, `${[r, b]} of the second frame`);
});
