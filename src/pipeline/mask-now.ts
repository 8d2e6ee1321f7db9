import { rename, rm } from "node:fs/promises";
import type { Lane } from "../core/job.ts";
import type { Anonymized, Medium } from "../core/media.ts";
import type { Policy } from "../core/policy.ts";
import type { Region } from "../core/region.ts";

/** A masked picture that outlives its engine process, until removed. */
export interface MaskedNow extends AsyncDisposable {
  readonly masked: Anonymized;
  readonly regions: readonly Region[];
  readonly format: string;
  readonly frames: number;
}

export interface MaskNowOptions {
  readonly policy: Policy;
  /** Mask exactly these instead of detecting. */
  readonly regions?: readonly Region[] | undefined;
  readonly signal?: AbortSignal;
  readonly lane: Lane;
}

/** The synchronous way: a spool file in, a masked spool file out; no store, no queue. */
export async function maskNow(medium: Medium, path: string, options: MaskNowOptions): Promise<MaskedNow> {
  const { policy, signal, lane } = options;
  await using picture = await medium.open(path, { lane, ...(signal && { signal }) });
  const regions = options.regions ?? (await picture.detect(policy));
  const rendered = await picture.render(regions, policy);
  // The picture removes what it rendered when it closes; a renamed file stays.
  const kept = `${rendered.path}.kept`;
  await rename(rendered.path, kept);
  const remove = () => rm(kept, { force: true });
  const { format, frames } = picture;
  return { masked: { ...rendered, path: kept }, regions, format, frames, [Symbol.asyncDispose]: remove };
}
