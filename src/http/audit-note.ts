import type { Policy } from "../core/policy.ts";
import type { Region } from "../core/region.ts";
import type { RequestNote } from "../ledger/ledger.ts";
import type { MaskedNow } from "../pipeline/mask-now.ts";
import type { SpoolFile } from "../pipeline/spool.ts";
import { failureOf } from "./gone.ts";
import type { HttpParts } from "./parts.ts";

/** What a synchronous request asks for. */
export interface Asked {
  readonly original: SpoolFile;
  readonly policy: Policy;
  /** Mask exactly these; absent: what the detector finds. */
  readonly regions?: readonly Region[] | undefined;
  /** Who asks, where somebody had logged in. */
  readonly who: string | undefined;
}

type Outcome = Pick<RequestNote, "outcome" | "output" | "regions" | "cached" | "code">;

/** Does the masking and has the ledger note it, before the answer is given: no record, no answer. */
export async function noteMasking(parts: HttpParts, asked: Asked, work: () => Promise<MaskedNow>): Promise<MaskedNow> {
  const started = performance.now();
  const result = await noteRefusal(parts, asked, work);
  try {
    const { size, sha256, contentType } = result.masked;
    const regions = result.regions.length;
    const { cached } = result;
    const output = { size, sha256, contentType };
    await note(parts, asked, { outcome: "masked", output, regions, ...(cached && { cached }) });
    parts.metrics.requestMasked(performance.now() - started, regions);
    return result;
  } catch (error) {
    await result[Symbol.asyncDispose]();
    throw error;
  }
}

/** Does the detection and has the ledger note it, before the answer is given. */
export async function noteDetection<T extends { readonly regions: readonly unknown[] }>(
  parts: HttpParts,
  asked: Asked,
  work: () => Promise<T>,
): Promise<T> {
  const found = await noteRefusal(parts, asked, work);
  await note(parts, asked, { outcome: "detected", regions: found.regions.length });
  parts.metrics.requestDetected();
  return found;
}

async function noteRefusal<T>(parts: HttpParts, asked: Asked, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const problem = failureOf(error);
    parts.metrics.requestRefused(problem.code);
    await note(parts, asked, { outcome: "refused", code: problem.code });
    throw problem;
  }
}

function note(
  { ledger, detector }: HttpParts,
  { original, policy, regions, who }: Asked,
  outcome: Outcome,
): Promise<void> {
  const input = { size: original.size, sha256: original.sha256 };
  const source = regions ? { regionsFrom: "request" as const } : { regionsFrom: "detector" as const, detector };
  return ledger.note({ at: Date.now(), ...(who !== undefined && { who }), input, policy, ...source, ...outcome });
}
