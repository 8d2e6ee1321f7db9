import { Readable } from "node:stream";
import { type Policy, withoutHold } from "../core/policy.ts";
import { readPixels } from "../engine/test-picture.ts";
import { Problem } from "../errors.ts";
import { isVisible } from "../eval/detail.ts";
import type { CommandEngine } from "./engine.ts";

export interface MaskedLook {
  readonly engine: CommandEngine;
  /** What was put in, JPEG. */
  readonly picture: Buffer;
  readonly settings: { readonly policy: Policy };
}

/** Rejects unless each face of the test's picture is hidden in the result; answers how many, in words. */
export async function requireMasked({ engine, picture, settings }: MaskedLook, masked: Buffer): Promise<string> {
  const { pool, spool, signal } = engine;
  await using original = await spool.receive(Readable.from([picture]), { maxBytes: picture.length });
  await using opened = await pool.open(original, { signal, lane: "interactive" });
  const faces = await opened.detect(withoutHold(settings.policy));
  if (faces.length === 0) {
    throw new Problem(
      "doubtful",
      "The detector does not find the face of veil's own picture under this route's policy",
      {
        remedy: "Look at policy.minScore, and at the detector: veil models verify",
      },
    );
  }
  const [before, after] = [await readPixels(picture), await readPixels(masked)];
  if (before.width !== after.width || before.height !== after.height) {
    throw new Problem("internal", `Expected ${before.width} x ${before.height} at the output, as the picture has`);
  }
  const looks = faces.map(({ box }) => isVisible(before, after, box));
  // Where there is nothing to tell, as in a false region on the background, there is nothing to hide.
  if (looks.includes(true) || !looks.includes(false)) {
    throw new Problem("residue", "The face of veil's own picture can still be told at the output", {
      remedy: "Stop this route and tell: a fault of veil's",
    });
  }
  return faces.length === 1 ? "1 face" : `${faces.length} faces`;
}
