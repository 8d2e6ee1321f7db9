import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import {
  openBytes,
  opened,
  openedSize,
  openRange,
  sealBytes,
  sealed,
  sealedRange,
} from "../../src/core/sealed-bytes.ts";

const chunk = 65_536;
const sizes = [0, 1, 100, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 5];
const key = randomBytes(32);

async function* parts(bytes: Buffer, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function all(source: AsyncIterable<Buffer>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

describe("sealed bytes", () => {
  test("are what they were when they are opened, however they come, and say how many they are", async () => {
    for (const size of sizes) {
      const bytes = randomBytes(size);
      const whole = sealBytes(bytes, key);
      assert.equal(openedSize(whole.length), size);
      assert.deepEqual(openBytes(whole, key), bytes);
      for (const length of [1000, chunk, chunk + 16, 200_000]) {
        assert.deepEqual(await all(sealed(parts(bytes, length), key)), whole, `${size} by ${length}`);
        assert.deepEqual(await all(opened(parts(whole, length), key)), bytes, `${size} by ${length}`);
      }
    }
  });

  test("show nothing of themselves", () => {
    const bytes = Buffer.alloc(3 * chunk, "a face");
    assert.equal(sealBytes(bytes, key).includes("a face"), false);
    assert.notDeepEqual(sealBytes(bytes, key).subarray(0, 100), sealBytes(bytes, randomBytes(32)).subarray(0, 100));
  });

  test("that were changed, cut off, moved or repeated are refused, and so is another key", () => {
    const whole = sealBytes(randomBytes(3 * chunk + 5), key);
    const piece = (index: number) => whole.subarray(index * (chunk + 16), (index + 1) * (chunk + 16));
    const wrong: readonly Buffer[] = [
      ...[0, 5, chunk + 3, whole.length - 1].map((at) => {
        const changed = Buffer.from(whole);
        changed[at] = changed[at]! ^ 1;
        return changed;
      }),
      whole.subarray(0, -1),
      whole.subarray(0, 3 * (chunk + 16)),
      whole.subarray(0, 10),
      Buffer.alloc(0),
      Buffer.concat([piece(1), piece(0), piece(2), piece(3)]),
      Buffer.concat([piece(0), piece(2), piece(3)]),
      Buffer.concat([whole, piece(3)]),
    ];
    for (const [index, bytes] of wrong.entries())
      assert.throws(() => openBytes(bytes, key), { code: "unreadable" }, String(index));
    assert.throws(() => openBytes(whole, randomBytes(32)), { code: "unreadable" });
  });

  test("any stretch of them can be opened by itself", () => {
    const bytes = randomBytes(3 * chunk + 5);
    const whole = sealBytes(bytes, key);
    for (const [start, end] of [
      [0, 0],
      [10, chunk + 10],
      [chunk - 1, chunk],
      [2 * chunk, 3 * chunk + 4],
      [3 * chunk + 1, 3 * chunk + 4],
    ] as const) {
      const { from, to, skip } = sealedRange(start, end);
      const some = openRange(whole.subarray(from, to + 1), key, { from, size: whole.length });
      assert.deepEqual(some.subarray(skip, skip + end - start + 1), bytes.subarray(start, end + 1));
    }
  });
});
