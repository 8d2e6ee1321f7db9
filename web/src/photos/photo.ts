import type { RegionBody } from "../../../src/http/schema.ts";
import type { Status } from "../../../src/http/status-schema.ts";
import type { Trouble } from "../api/answer.ts";
import { type Edits, foundRegions, type ShownRegion, type Size, shownRegions } from "../regions/region-edits.ts";

type Policy = Status["policy"];
/** How everything on the desk is masked. */
export type Settings = Pick<Policy, "style" | "strength" | "profile">;

/** A masked picture in the browser. `url` is an object URL that the desk revokes. */
export interface Masked {
  readonly url: string;
  readonly blob: Blob;
  /** What to call it, as the server has it. */
  readonly name: string;
  /** Object URL of a small JPEG of it; only where this browser can't show the original. The desk revokes it. */
  readonly preview: string | undefined;
}

/** What a detection found, and with which profile. */
export interface Found {
  readonly profile: Settings["profile"];
  readonly regions: readonly RegionBody[];
}

export interface Photo {
  readonly id: string;
  readonly file: File;
  /** Object URL of the original, which never leaves the browser but to be masked; the desk revokes it. */
  readonly url: string;
  /** Whether this browser can show the original; undefined until tried. */
  readonly shows: boolean | undefined;
  /** Where it can't: object URL of a small JPEG of the original, made by veil for this page alone; the desk revokes it. */
  readonly preview: string | undefined;
  readonly stage: "waiting" | "uploading" | "masking" | "done" | "failed";
  /** Share of the bytes sent, 0 to 1. */
  readonly sent: number;
  /** The last result; it fits the settings and edits only in stage `done`. */
  readonly masked: Masked | undefined;
  /** Known from the first answer on. */
  readonly size: Size | undefined;
  readonly found: Found | undefined;
  readonly edits: Edits;
  readonly trouble: Trouble | undefined;
}

/** The regions that are masked, or will be as soon as the photo is done again. */
export function regionsOf(photo: Photo): readonly ShownRegion[] {
  return shownRegions(foundRegions(photo.found?.regions ?? []), photo.edits);
}

/** What to show of a photo, both sides in the same size; absent: nothing yet. */
export function viewsOf({ shows, url, preview, masked }: Photo): { readonly before?: string; readonly after?: string } {
  const [before, after] = shows === false ? [preview, masked?.preview] : [shows ? url : undefined, masked?.url];
  return { ...(before && { before }), ...(after && { after }) };
}

/** Whether something is still going to happen by itself. */
export function isBusy({ stage }: Photo): boolean {
  return stage === "waiting" || stage === "uploading" || stage === "masking";
}

/** For example HEIC. */
export function formatOf({ file }: Photo): string {
  const dot = file.name.lastIndexOf(".");
  return (dot > 0 ? file.name.slice(dot + 1) : (file.type.split("/")[1] ?? "")).toUpperCase();
}
