import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import type { MetadataPolicy } from "../core/policy.ts";
import { Problem } from "../errors.ts";
import { isKeptBlock, isOrientation } from "./is-kept-block.ts";
import type { KeepableMetadata } from "./kept-metadata.ts";
import { residueOf } from "./residue.ts";
import { type Finding, residueKinds } from "./residue-search.ts";

/** What may be in a masked file. */
export interface Expected {
  /** Frames or pages that were masked. */
  readonly frames: number;
  /** Of the original; what of it the policy keeps may be there, with these very values. */
  readonly metadata: KeepableMetadata;
  readonly policy: MetadataPolicy;
  /** How the file says it is to be turned, 1 to 8; absent: upright. */
  readonly orientation?: number;
}

/**
 * Looks through a masked file before it counts as one, and answers its size and digest: whatever it should not carry
 * removes it, and fails with residue.
 */
export async function checkResidue(path: string, expected: Expected): Promise<{ size: number; sha256: string }> {
  const file = await readFile(path);
  const findings = unexpected(file, expected);
  const [first] = findings;
  // Of the very bytes that were looked through.
  if (first === undefined) return { size: file.length, sha256: createHash("sha256").update(file).digest("hex") };
  await rm(path, { force: true });
  const more = findings.length > 1 ? ` and ${findings.length - 1} more` : "";
  throw new Problem("residue", `The masked file carried ${residueKinds[first.kind]} at byte ${first.offset}${more}`, {
    remedy: "Nothing was written. Report this with the picture's format and the program it came from.",
  });
}

function unexpected(file: Buffer, { frames, metadata, policy, orientation = 1 }: Expected): readonly Finding[] {
  const whole = { offset: 0, length: file.length, picture: true } as const;
  try {
    const residue = residueOf(file);
    const kept = residue.findings.find(({ kind, offset, length }) => {
      const block = file.subarray(offset, offset + length);
      if (kind !== "exif") return false;
      return (
        isKeptBlock(block, metadata, policy, orientation) || (orientation !== 1 && isOrientation(block, orientation))
      );
    });
    const within = ({ offset, length }: Finding) =>
      kept !== undefined && offset >= kept.offset && offset + length <= kept.offset + kept.length;
    const left = residue.findings.filter((one) => !((one.kind === "exif" || one.kind === "gps") && within(one)));
    return residue.frames > frames ? [...left, { kind: "frames", ...whole }] : left;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return [{ kind: "damaged", ...whole }];
  }
}
