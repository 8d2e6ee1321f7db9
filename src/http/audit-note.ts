import type { Policy } from "../core/policy.ts";
import { toProblem } from "../errors.ts";
import type { RequestNote } from "../ledger/ledger.ts";
import type { MaskedNow } from "../pipeline/mask-now.ts";
import type { SpoolFile } from "../pipeline/spool.ts";
import type { HttpParts } from "./parts.ts";

/** Does the masking and has the ledger note it, before the answer is given: no record, no answer. */
export async function noteRequest(
  { ledger, detector, metrics }: HttpParts,
  original: SpoolFile,
  policy: Policy,
  work: () => Promise<MaskedNow>,
): Promise<MaskedNow> {
  const started = performance.now();
  const input = { size: original.size, sha256: original.sha256 };
  const note = (rest: Pick<RequestNote, "outcome"> & Partial<RequestNote>) =>
    ledger.note({ at: Date.now(), input, policy, detector, ...rest });
  let result: MaskedNow;
  try {
    result = await work();
  } catch (error) {
    const { code } = toProblem(error);
    metrics.requestRefused(code);
    await note({ outcome: "refused", code });
    throw error;
  }
  try {
    const { size, sha256, contentType } = result.masked;
    await note({ outcome: "masked", output: { size, sha256, contentType }, regions: result.regions.length });
    metrics.requestMasked(performance.now() - started, result.regions.length);
    return result;
  } catch (error) {
    await result[Symbol.asyncDispose]();
    throw error;
  }
}
