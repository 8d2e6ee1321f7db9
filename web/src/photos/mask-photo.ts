import type { AnonymizedItem } from "../../../src/http/schema.ts";
import { anonymize, detect } from "../api/anonymize.ts";
import { decodeBase64 } from "../api/base64.ts";
import { foundRegions, isEdited, type Size, shownRegions } from "../regions/region-edits.ts";
import type { Found, Masked, Photo, Settings } from "./photo.ts";

export interface MaskOptions {
  readonly settings: Settings;
  readonly onSent: (share: number) => void;
  readonly signal: AbortSignal;
}

export interface Outcome {
  readonly masked: Masked;
  readonly preview: string | undefined;
  readonly size: Size;
  readonly found: Found;
}

/**
 * Masks a photo the way the settings and its edits say. An edited photo is detected again only where the profile
 * changed. Throws an Error whose cause is a Trouble.
 */
export async function maskPhoto(photo: Photo, { settings, onSent, signal }: MaskOptions): Promise<Outcome> {
  const upload = { query: { ...settings }, onSent, signal };
  const masking = { ...upload, query: { ...settings, ...(photo.shows === false && { preview: "1" }) } };
  if (!isEdited(photo.edits)) {
    const item = await anonymize(photo.file, undefined, masking);
    return outcome(photo, item, { profile: settings.profile, regions: item.regions });
  }
  let found = photo.found;
  if (found?.profile !== settings.profile) {
    const { regions } = await detect(photo.file, { ...upload, query: { profile: settings.profile } });
    found = { profile: settings.profile, regions };
  }
  const boxes = shownRegions(foundRegions(found.regions), photo.edits).flatMap((region) => region.boxes);
  return outcome(photo, await anonymize(photo.file, boxes, masking), found);
}

/** Whether the browser can show what is behind an object URL. */
export async function canShow(url: string): Promise<boolean> {
  const image = new Image();
  image.src = url;
  return image.decode().then(
    () => true,
    () => false,
  );
}

function outcome({ file, preview }: Photo, item: AnonymizedItem, found: Found): Outcome {
  const { anonymized_base64: data, content_type, masked_name, width, height, previews } = item;
  if (data === null || width === null || height === null) throw new Error("An answer without a picture");
  const blob = blobOf(data, content_type ?? "application/octet-stream");
  const masked = {
    url: URL.createObjectURL(blob),
    blob,
    name: masked_name ?? file.name,
    preview: previews ? URL.createObjectURL(blobOf(previews.after_base64, "image/jpeg")) : undefined,
  };
  // The original stays the same: its preview is made once.
  const before = preview ?? (previews ? URL.createObjectURL(blobOf(previews.before_base64, "image/jpeg")) : undefined);
  return { masked, preview: before, size: { width, height }, found };
}

function blobOf(base64: string, type: string): Blob {
  return new Blob([decodeBase64(base64)], { type });
}
