import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { profiles } from "../../src/core/policy.ts";
import { fullRangePresets, scrfdPresets, yunetPresets } from "../../src/core/presets.ts";
import type { Pass } from "../../src/core/scales.ts";
import { planFor } from "../../src/core/scales.ts";

const side = fc.integer({ min: 1, max: 20_000 });
const profile = fc.constantFrom(...profiles);

const presets = fc.constantFrom(fullRangePresets, yunetPresets, scrfdPresets);

describe("the passes over a picture", () => {
  it("go from large to small and have at least one pixel each way", () => {
    fc.assert(
      fc.property(presets, profile, side, side, (table, name, width, height) => {
        const passes = planFor(table, table.profiles[name], width, height).passes;
        assert.ok(passes.length >= 1);
        for (const [index, pass] of passes.entries()) {
          assert.ok(pass.width >= 1 && pass.height >= 1);
          if (index > 0) assert.ok(pass.width <= passes[index - 1]!.width);
        }
      }),
    );
  });

  it("keep the picture's shape", () => {
    for (const pass of passesFor("thorough", 3000, 1000)) {
      assert.ok(Math.abs(pass.width / pass.height - 3) < 0.2, `${pass.width} x ${pass.height}`);
    }
  });

  it("stay below 15 megapixels whatever the picture's size and shape", () => {
    fc.assert(
      fc.property(presets, profile, side, side, (table, name, width, height) => {
        for (const pass of planFor(table, table.profiles[name], width, height).passes)
          assert.ok(pass.width * pass.height < 15e6);
      }),
    );
  });

  it("show a face that fills the picture at a height that the network finds", () => {
    fc.assert(
      fc.property(profile, fc.integer({ min: 20, max: 12_000 }), (name, length) => {
        const heights = passesFor(name, length, length).map(({ height }) => height);
        assert.ok(heights.some((height) => height >= 64 && height <= 130));
      }),
    );
    fc.assert(
      fc.property(profile, fc.integer({ min: 20, max: 12_000 }), (name, length) => {
        const ungated = passesFor(name, length, length, yunetPresets).filter(
          ({ maxFaceHeight }) => maxFaceHeight > length,
        );
        assert.ok(ungated.some(({ height }) => height >= 64 && height <= 768));
      }),
    );
  });

  it("show a face of 24 pixels in a 12 megapixel photograph at its own size when thorough", () => {
    for (const table of [fullRangePresets, yunetPresets])
      assert.equal(passesFor("thorough", 4000, 3000, table)[0]!.width, 4000);
  });

  it("take a picture as it is rather than resize it by a few percent", () => {
    assert.deepEqual(sizes("balanced", 1024, 683)[0], [1024, 683]);
  });

  it("enlarge a small picture, but not by more than it helps", () => {
    assert.deepEqual(sizes("balanced", 400, 300)[0], [768, 576]);
    assert.deepEqual(sizes("balanced", 40, 30)[0], [192, 144]);
    assert.deepEqual(sizes("balanced", 400, 300, yunetPresets)[0], [800, 600]);
    assert.deepEqual(sizes("balanced", 40, 30, yunetPresets)[0], [256, 192]);
  });

  it("leave the smallest faces to some pass, whatever the picture's size", () => {
    fc.assert(
      fc.property(profile, side, side, (name, width, height) => {
        const passes = passesFor(name, width, height, yunetPresets);
        assert.ok(passes.some(({ minFaceHeight }) => minFaceHeight === 0));
      }),
    );
  });

  it("turn the picture only when thorough", () => {
    const turns = (name: (typeof profiles)[number]) =>
      new Set(passesFor(name, 1024, 768, yunetPresets).map(({ turn }) => turn));
    assert.deepEqual([...turns("balanced")], [0]);
    assert.deepEqual([...turns("thorough")].sort(), [0, 180, 270, 90]);
  });

  it("grow with the profile", () => {
    for (const [width, height] of [
      [640, 480],
      [1024, 768],
      [1920, 1080],
      [4000, 3000],
    ] as const) {
      for (const table of [fullRangePresets, yunetPresets]) {
        const [fast, balanced, thorough] = profiles.map((name) =>
          sizes(name, width, height, table).reduce((sum, [w, h]) => sum + w! * h!, 0),
        );
        assert.ok(
          fast! < balanced! && balanced! < thorough!,
          `${width} x ${height}: ${fast}, ${balanced}, ${thorough}`,
        );
      }
    }
  });
});

function passesFor(
  name: (typeof profiles)[number],
  width: number,
  height: number,
  table = fullRangePresets,
): readonly Pass[] {
  return planFor(table, table.profiles[name], width, height).passes;
}

function sizes(name: (typeof profiles)[number], width: number, height: number, table = fullRangePresets): number[][] {
  return passesFor(name, width, height, table).map((pass) => [pass.width, pass.height]);
}
