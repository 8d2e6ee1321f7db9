import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { opaqueViews } from "../../src/core/opaque.ts";

describe("views of a picture without transparency", () => {
  it("are the picture itself when it has no alpha", () => {
    const picture = { data: Uint8Array.of(1, 2, 3), width: 1, height: 1, channels: 3 } as const;
    const [view, ...others] = opaqueViews(picture);
    assert.equal(view, picture);
    assert.equal(others.length, 0);
  });

  it("are its colours alone when all of it is opaque", () => {
    assert.deepEqual(views([10, 20, 30, 255, 40, 50, 60, 255]), [[10, 20, 30, 40, 50, 60]]);
  });

  it("are the colours that alpha hides and what is seen over grey when some of it is not", () => {
    assert.deepEqual(views([10, 20, 30, 0, 200, 100, 0, 255]), [
      [10, 20, 30, 200, 100, 0],
      [128, 128, 128, 200, 100, 0],
    ]);
  });

  it("are never two at once: the next one takes the memory over, and what is used too late is empty", () => {
    const views = opaqueViews({ data: Uint8Array.of(10, 20, 30, 0), width: 1, height: 1, channels: 4 });
    const first = views.next().value!;
    assert.equal(first.data.length, 3);
    assert.deepEqual([...views.next().value!.data], [128, 128, 128]);
    assert.equal(first.data.length, 0);
  });

  it("mix half transparent colours half with grey", () => {
    assert.deepEqual(views([0, 255, 128, 128, 0, 0, 0, 255])[1]!.slice(0, 3), [63, 191, 128]);
  });
});

function views(rgba: readonly number[]): number[][] {
  const picture = { data: Uint8Array.from(rgba), width: rgba.length / 4, height: 1, channels: 4 } as const;
  const seen: number[][] = [];
  for (const view of opaqueViews(picture)) {
    assert.equal(view.channels, 3);
    seen.push([...view.data]);
  }
  return seen;
}
