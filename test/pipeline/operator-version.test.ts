import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { maskFrame } from "../../src/core/mask.ts";
import { strengths, styles } from "../../src/core/policy.ts";
import { fullRangePresets, yunetPresets } from "../../src/core/presets.ts";
import { operatorVersion } from "../../src/pipeline/operator-version.ts";
import { version } from "../../src/version.ts";

/** Of the operator that the number in `operatorVersion` stands for. */
const known = { number: "1", digest: "6d2e2e076746d4c0" };

test("whoever changes what is found or how it is masked gives the operator another number", () => {
  const { dependencies } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const hash = createHash("sha256");
  hash.update(JSON.stringify([fullRangePresets, yunetPresets, dependencies.sharp, dependencies["onnxruntime-node"]]));
  const box = { x: 30.5, y: 22, width: 34, height: 41 };
  for (const style of styles) {
    for (const strength of strengths) {
      const data = new Uint8Array(96 * 96 * 3).map((_, i) => (i * 2_654_435_761) >>> 24);
      maskFrame({ data, width: 96, height: 96, channels: 3 }, [{ kind: "face", box, score: 0.9 }], { style, strength });
      hash.update(data);
    }
  }
  const digest = hash.digest("hex").slice(0, 16);
  assert.equal(operatorVersion, `${version}/${known.number}`);
  const remedy = "Raise the number in src/pipeline/operator-version.ts, and write it and this digest into `known`";
  assert.equal(digest, known.digest, `Masks, passes or codecs are not what they were. ${remedy}: ${digest}`);
});
