import type { ConfigFlags } from "../config/layers.ts";
import { type Config, loadConfig } from "../config.ts";
import { Problem } from "../errors.ts";

/** Policy flags as the commands receive them. */
export interface PolicyFlags {
  readonly style?: string;
  readonly strength?: string;
  readonly profile?: string;
  readonly minScore?: string;
  readonly quality?: string;
  readonly metadata?: string;
  readonly turns?: boolean;
  readonly implausible?: string;
  readonly verify?: string;
  readonly lossless?: true;
  readonly cosmetic?: string;
}

/** The configuration with a command's own policy flags, which win; faults of both come together. */
export function configFor(flags: ConfigFlags, policy: PolicyFlags = {}): Config {
  const assignments = Object.entries(policyOf(policy)).flatMap(([name, value]) =>
    value === undefined ? [] : [`policy.${name}=${value}`],
  );
  return loadConfig({
    flags: { ...flags, set: [...(flags.set ?? []), ...assignments] },
    env: process.env,
    cwd: process.cwd(),
  });
}

/** A `--limit`. Problems: invalid-request. */
export function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new Problem("invalid-request", `Expected a whole number for --limit but received ${text}`);
}

/** Of a command's flags those that are a policy's. */
function policyOf(flags: PolicyFlags): PolicyFlags {
  const { style, strength, profile, minScore, quality, turns, implausible, verify, lossless, metadata, cosmetic } =
    flags;
  return {
    style,
    strength,
    profile,
    minScore,
    quality,
    turns,
    implausible,
    verify,
    lossless,
    metadata,
    cosmetic,
  } as PolicyFlags;
}
