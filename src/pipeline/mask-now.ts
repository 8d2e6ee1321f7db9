import { rename, rm } from "node:fs/promises";
import type { Lane } from "../core/job.ts";
import type { Anonymized, Medium, Opened, PictureFile } from "../core/media.ts";
import type { Policy } from "../core/policy.ts";
import type { Region } from "../core/region.ts";

/** A masked picture that outlives its engine process, until removed. */
export interface MaskedNow extends AsyncDisposable {
  readonly masked: Anonymized;
  readonly regions: readonly Region[];
  readonly format: string;
  readonly frames: number;
  /** It was masked for somebody before. */
  readonly cached?: true;
  /** JPEGs for a browser that shows neither picture; `before` is not masked. In memory alone. */
  readonly previews?: { readonly before: Uint8Array; readonly after: Uint8Array };
}

export interface MaskNowOptions {
  readonly policy: Policy;
  /** Mask exactly these instead of detecting. */
  readonly regions?: readonly Region[] | undefined;
  /** Whether to make previews too, for whoever sent the picture and nobody else. */
  readonly previews?: boolean;
  readonly signal?: AbortSignal;
  readonly lane: Lane;
}

/** The synchronous way: a spool file in, a masked spool file out; no store, no queue. */
export async function maskNow(medium: Medium, file: string | PictureFile, options: MaskNowOptions): Promise<MaskedNow> {
  const { policy, signal, lane } = options;
  const open = (of: string | PictureFile) => medium.open(of, { lane, ...(signal && { signal }) });
  // Whatever fails from here on, the process's end included, nothing stays.
  await using undo = new AsyncDisposableStack();
  const result = await (async () => {
    await using picture = await open(file);
    const regions = options.regions ?? (await picture.detect(policy));
    const rendered = await picture.render(regions, policy);
    // The picture removes what it rendered when it closes; a renamed file stays.
    const kept = `${rendered.path}.kept`;
    undo.defer(() => rm(kept, { force: true }));
    await rename(rendered.path, kept);
    const { format, frames } = picture;
    const before = options.previews ? await picture.preview() : undefined;
    return { masked: { ...rendered, path: kept }, regions, format, frames, before };
  })();
  const { before, ...rest } = result;
  const previews = before && { before, after: await previewOf(await open(rest.masked.path)) };
  const kept = undo.move();
  return { ...rest, ...(previews && { previews }), [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function previewOf(opened: Opened): Promise<Uint8Array> {
  await using picture = opened;
  return await picture.preview();
}
