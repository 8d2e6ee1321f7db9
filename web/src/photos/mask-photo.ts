import type { AnonymizedItem } from "../../../src/http/schema.ts";
import { anonymize, detect } from "../api/anonymize.ts";
import { decodeBase64 } from "../api/base64.ts";
import type { Found, Masked, Photo, Settings, Size } from "./photo.ts";
import { foundRegions, isEdited, shownRegions } from "./region-edits.ts";

export interface MaskOptions {
  readonly settings: Settings;
  readonly onSent: (share: number) => void;
  readonly signal: AbortSignal;
}

export interface Outcome {
  readonly masked: Masked;
  readonly size: Size;
  readonly found: Found;
}

/**
 * Masks a photo the way the settings and its edits say. An edited photo is detected again only where the profile
 * changed. Throws an Error whose cause is a Trouble.
 */
export async function maskPhoto(photo: Photo, { settings, onSent, signal }: MaskOptions): Promise<Outcome> {
  const upload = { query: { ...settings }, onSent, signal };
  if (!isEdited(photo.edits)) {
    const item = await anonymize(photo.file, undefined, upload);
    return outcome(item, { profile: settings.profile, regions: item.regions });
  }
  let found = photo.found;
  if (found?.profile !== settings.profile) {
    const { regions } = await detect(photo.file, { ...upload, query: { profile: settings.profile } });
    found = { profile: settings.profile, regions };
  }
  const boxes = shownRegions(foundRegions(found.regions), photo.edits).flatMap((region) => region.boxes);
  return outcome(await anonymize(photo.file, boxes, upload), found);
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

async function outcome(item: AnonymizedItem, found: Found): Promise<Outcome> {
  const { anonymized_base64: data, content_type: type, width, height } = item;
  if (data === null || width === null || height === null) throw new Error("An answer without a picture");
  const blob = new Blob([decodeBase64(data)], { type: type ?? "application/octet-stream" });
  const url = URL.createObjectURL(blob);
  return { masked: { url, blob, shows: await canShow(url) }, size: { width, height }, found };
}
