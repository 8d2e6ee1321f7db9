import { createHmac } from "node:crypto";
import type { Job } from "../core/job.ts";

/** What stands for an erased object's name and version: whoever lacks the installation's key can't try out names. */
export interface Tombstone {
  readonly key: string;
  readonly version: string;
}

export type Bury = (object: Tombstone) => Tombstone;

const prefix = "erased:";

export function createTombstones(installationKey: string): Bury {
  const tag = (...parts: readonly string[]) =>
    prefix +
    createHmac("sha256", installationKey)
      .update(JSON.stringify(["tombstone", ...parts]))
      .digest("hex")
      .slice(0, 32);
  return ({ key, version }) => ({ key: tag(key), version: tag(key, version) });
}

/** The job with tombstones in the place of names, and without the digest of its regions, which go too. */
export function buried({ regionsDigest: _, ...job }: Job, bury: Bury): Job {
  return {
    ...job,
    input: { ...job.input, ...bury(job.input) },
    output: { ...job.output, key: bury({ key: job.output.key, version: "" }).key },
  };
}
