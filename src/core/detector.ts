import type { Profile } from "./policy.ts";
import type { Region } from "./region.ts";

/** Upright 8-bit pixels, rows from the top, `channels` interleaved; with 4 the last is alpha. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
}

export interface DetectOptions {
  readonly profile: Profile;
  readonly minScore?: number;
}

/** Finds faces in one still picture. */
export interface Detector {
  readonly name: string;
  /** SHA-256 (hex) of the published model file. */
  readonly digest: string;
  detect(pixels: Pixels, options: DetectOptions): Promise<readonly Region[]>;
}
