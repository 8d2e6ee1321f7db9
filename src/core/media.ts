import type { Lane } from "./job.ts";
import type { KeptRegions } from "./kept-regions.ts";
import type { Policy } from "./policy.ts";
import type { Region } from "./region.ts";

/** What is refused before a single pixel is decoded. */
export interface Limits {
  readonly maxBytes: number;
  /** Over all frames together. */
  readonly maxPixels: number;
  readonly maxFrames: number;
}

declare const madeByRender: unique symbol;

/**
 * A masked picture in the spool. The brand has no public name, so nothing but `render` can make one, or give one back that
 * it made before and sealed; `deliver` takes nothing else: handing over an original does not compile.
 */
export interface Anonymized {
  readonly [madeByRender]: true;
  /** Absolute path in the spool; whoever holds the Opened removes it on close. */
  readonly path: string;
  readonly contentType: string;
  /** File extension that fits the content, without the dot. */
  readonly extension: string;
  readonly size: number;
  readonly sha256: string;
  /** Upright size in pixels. */
  readonly width: number;
  readonly height: number;
}

declare const madeByInspection: unique symbol;

/**
 * A file in the spool of a kind that its route passes on as it is (`copyTypes`): the whole content was looked at. Nothing
 * but `inspectCopy` makes one, and a picture never becomes one.
 */
export interface Copyable {
  readonly [madeByInspection]: true;
  /** Absolute path in the spool. */
  readonly path: string;
  /** What it is sealed with there. */
  readonly key: Uint8Array | undefined;
  readonly contentType: string;
  readonly size: number;
  readonly sha256: string;
}

/** What a picture says of itself. */
export interface PictureHeader {
  /** For example `jpeg` or `heic`. */
  readonly format: string;
  /** Upright size in pixels. */
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** How many pixels hide colours under full transparency, which no output keeps; absent: none. */
  readonly hidden?: number;
}

/** One picture, decoded once, held by one engine process until closed. */
export interface Opened extends PictureHeader, AsyncDisposable {
  /** What each of the policy's looks finds, for whoever keeps what a person must judge. */
  look(policy: Policy): Promise<KeptRegions>;
  /** What the policy masks of that. Fails with doubtful where it holds what the second look finds. */
  detect(policy: Policy): Promise<readonly Region[]>;
  render(regions: readonly Region[], policy: Policy): Promise<Anonymized>;
  /**
   * The first frame as it is, masked or not, as a JPEG that every browser shows, of at most 2048 pixels a side. In memory
   * alone: of an original nobody but its sender may see it, and nothing may keep it.
   */
  preview(): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A file with a picture, as it lies on the disk. */
export interface PictureFile {
  readonly path: string;
  /** What it is sealed with; absent: it is not. */
  readonly key?: Uint8Array | undefined;
}

/** Opens files as pictures, those that are named by a path alone as they are. Failures: unsupported, unreadable, too-*, timeout, crashed, out-of-memory. */
export interface Medium {
  open(file: string | PictureFile, options?: { readonly signal?: AbortSignal; readonly lane?: Lane }): Promise<Opened>;
}
