import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import sharp from "sharp";
import { keptProfile } from "../../src/engine/colour-profile.ts";

let p3: Buffer = Buffer.alloc(0);
before(async () => {
  const flat = sharp({ create: { width: 8, height: 8, channels: 3, background: "#c0ffee" } });
  p3 = (await sharp(await flat.withIccProfile("p3").png().toBuffer()).metadata()).icc!;
});

function changed(change: (profile: Buffer) => void): Buffer {
  const copy = Buffer.from(p3);
  change(copy);
  return copy;
}

/** The profile with words behind its last tag, which its length includes. */
function withGap(): Buffer {
  const longer = Buffer.concat([p3, Buffer.from("hidden words")]);
  longer.writeUInt32BE(longer.length);
  return longer;
}

/** The profile with a table that is the beginning of a JPEG. */
function withPicture(): Buffer {
  const start = Buffer.from([0xff, 0xd8, 0xff, 0xdb, 0, 4, 1, 1, 0xff, 0xd9, 0, 0]);
  const longer = Buffer.concat([p3, start]);
  longer.writeUInt32BE(longer.length);
  // The first tag now speaks of it.
  longer.writeUInt32BE(p3.length, 136);
  longer.writeUInt32BE(start.length, 140);
  longer.write("A2B0", 132);
  return longer;
}

describe("a colour profile", () => {
  test("of a screen stays as it is", () => {
    assert.deepEqual(keptProfile(p3), p3);
  });

  test("loses what hangs behind its own end", () => {
    assert.deepEqual(keptProfile(Buffer.concat([p3, Buffer.from("a second picture")])), p3);
  });

  test("that is none, of another kind of thing, or too large stays behind", () => {
    const huge = Buffer.concat([p3, Buffer.alloc(2 ** 20)]);
    huge.writeUInt32BE(huge.length);
    const faults: Record<string, Buffer | undefined> = {
      absent: undefined,
      empty: Buffer.alloc(0),
      "a picture": Buffer.from("\xff\xd8\xff".repeat(100), "latin1"),
      "no signature": changed((profile) => profile.write("xxxx", 36)),
      "of a printer": changed((profile) => profile.write("prtr", 12)),
      cmyk: changed((profile) => profile.write("CMYK", 16)),
      "longer than it is": changed((profile) => profile.writeUInt32BE(p3.length + 1)),
      huge,
      "with a private tag": changed((profile) => profile.write("mine", 132)),
      "with bytes between its tags": withGap(),
      "with a picture in a table": withPicture(),
    };
    for (const [name, icc] of Object.entries(faults)) assert.equal(keptProfile(icc), undefined, name);
  });
});
