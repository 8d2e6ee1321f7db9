import type { Implausible, Profile } from "./policy.ts";
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
  /** Whether to look for heads that lie on their side or hang down; absent: as the profile does. */
  readonly turns?: boolean;
  /** What becomes of boxes whose shape or size no face has; absent: dropped. */
  readonly implausible?: Implausible;
}

/** Finds faces in one still picture. */
export interface Detector {
  /** For example `yunet`; of several detectors together `yunet+mediapipe-full-range`. */
  readonly name: string;
  /** SHA-256 (hex) of the published model file; of several detectors, of their digests in a row. */
  readonly digest: string;
  detect(pixels: Pixels, options: DetectOptions): Promise<readonly Region[]>;
}

export const detectorNames = ["mediapipe-full-range", "yunet", "scrfd"] as const;
export type DetectorName = (typeof detectorNames)[number];

/** Comes with veil; the others are added by whoever wants them. */
export const bundledDetector: DetectorName = "mediapipe-full-range";

/** The detectors that a setting names, as `yunet` or `yunet+scrfd`; undefined where it names none, or one twice. */
export function parseDetectors(setting: string): readonly DetectorName[] | undefined {
  const names = setting.split("+");
  const known = names.filter((name): name is DetectorName => (detectorNames as readonly string[]).includes(name));
  return known.length === names.length && new Set(known).size === known.length ? known : undefined;
}
