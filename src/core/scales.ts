import type { Profile } from "./policy.ts";

/** One run of a fully convolutional detector over the whole picture, resized to width x height. */
export interface Pass {
  readonly width: number;
  readonly height: number;
  /** Faces taller than this, in pixels of the pass, are left to the smaller passes. */
  readonly maxFaceHeight: number;
}

/** The passes for pictures up to a side; sides are those of a 4:3 picture's long edge, whatever the shape. */
interface Row {
  readonly upTo: number;
  readonly sides: readonly number[];
}

/**
 * Full Range finds faces of 24 to 130 pixels best and hardly any below 16 or above 200, so a profile is a ladder of
 * sides: the lowest finds faces that fill the picture, the highest sets the smallest face, and the rungs between
 * confirm one another. Chosen by measuring on crowds (docs/recall.md).
 */
const table: Record<Profile, readonly Row[]> = {
  fast: [
    { upTo: 1500, sides: [96, 128, 256, 512] },
    { upTo: 2600, sides: [96, 128, 256, 768] },
    { upTo: Number.POSITIVE_INFINITY, sides: [96, 192, 384, 1024] },
  ],
  balanced: [
    { upTo: 1500, sides: [96, 128, 192, 256, 384, 512, 768, 1024] },
    { upTo: 2600, sides: [96, 128, 192, 256, 384, 512, 768, 1024, 1536] },
    { upTo: Number.POSITIVE_INFINITY, sides: [96, 128, 192, 256, 384, 512, 768, 1024, 2048] },
  ],
  thorough: [
    { upTo: 1500, sides: [96, 128, 192, 256, 384, 512, 640, 768, 1024, 1280] },
    { upTo: 2600, sides: [96, 128, 192, 256, 384, 512, 640, 768, 1024, 1536, 2048] },
    { upTo: 3400, sides: [96, 128, 192, 256, 384, 512, 640, 768, 1024, 1536, 2048, 3072] },
    { upTo: Number.POSITIVE_INFINITY, sides: [96, 128, 192, 256, 384, 512, 640, 768, 1024, 1536, 2048, 4096] },
  ],
};

/**
 * Score from which a face counts. With more passes more of them agree by chance, so fast needs less; from balanced on
 * the threshold stays, so that a slower profile finds what a faster one does. False regions: docs/recall.md.
 */
export const defaultMinScore: Record<Profile, number> = { fast: 0.25, balanced: 0.4, thorough: 0.4 };

/** Beyond this enlarging a small picture finds nothing more. */
const maxEnlargement = 2.1;
/** Passes up to this side run on any picture: they are for faces that fill it, however small it is. */
const alwaysUpTo = 192;
/** Larger passes run as tiles, whose margins are meant for faces up to this height. */
const tiledAbove = 768;
const maxFaceHeightInTiles = 128;

/** The passes over a picture of this size, largest first. */
export function passesFor(profile: Profile, width: number, height: number): Pass[] {
  const side = Math.sqrt((width * height * 4) / 3);
  const row = table[profile].find(({ upTo }) => side <= upTo)!;
  return row.sides
    .filter((target) => target <= alwaysUpTo || target / side <= maxEnlargement)
    .toSorted((a, b) => b - a)
    .map((target) => {
      const scale = nearOne(target / side) ? 1 : target / side;
      return {
        width: Math.max(1, Math.round(width * scale)),
        height: Math.max(1, Math.round(height * scale)),
        maxFaceHeight: target > tiledAbove ? maxFaceHeightInTiles : Number.POSITIVE_INFINITY,
      };
    });
}

/** A pass of nearly the picture's own size takes the pixels as they are: resizing costs time and sharpness. */
function nearOne(scale: number): boolean {
  return scale > 0.92 && scale < 1.08;
}
