import type { Profile } from "./policy.ts";

/** The quarter turns, clockwise in degrees, in which a pass may look at a picture. */
export type Turn = 0 | 90 | 180 | 270;

/** A pass over a picture resized so that it has the area of a 4:3 picture whose long edge is `side` pixels. */
export interface PassTarget {
  readonly side: number;
  /** Faces of a height outside these, in pixels of the pass, are left to other passes. */
  readonly minFace?: number;
  readonly maxFace?: number;
}

/** What one profile does: its passes for pictures up to a size, and the score from which a face counts. */
export interface Preset {
  /** Where a policy gives none. Measured: docs/recall.md. */
  readonly minScore: number;
  /** Whether it also looks for heads that lie on their side or hang down, where a policy says nothing of that. */
  readonly turns: boolean;
  readonly rows: readonly {
    /** Side, as in PassTarget, of the largest picture that the row is for. */
    readonly upTo: number;
    readonly passes: readonly PassTarget[];
    /** Passes over the picture turned by 90, 180 and 270 degrees. */
    readonly turned: readonly PassTarget[];
    /**
     * Exponent by which the row's scores become comparable with other rows': more passes agree by chance more often.
     * A score s of the merged passes counts as 1 - (1 - s) ^ trust, but for faces that only the widest passes see.
     * Absent: 1.
     */
    readonly trust?: number;
  }[];
}

export interface Presets {
  /** Passes up to this side run on any picture, however much it is enlarged for them: faces may fill it. */
  readonly alwaysUpTo: number;
  /** Larger passes enlarge a picture at most so many times: beyond, nothing more is found. */
  readonly maxEnlargement: number;
  readonly profiles: Readonly<Record<Profile, Preset>>;
}

const any = Number.POSITIVE_INFINITY;

/**
 * Full Range finds faces of 24 to 130 pixels best and hardly any below 16 or above 200, so a profile is a ladder of
 * sides: the lowest finds faces that fill the picture, the highest sets the smallest face, and the rungs between
 * confirm one another. With more passes more of them agree by chance, so fast needs less; from balanced on the score
 * stays, so that a slower profile finds what a faster one does.
 */
export const fullRangePresets: Presets = {
  alwaysUpTo: 192,
  maxEnlargement: 2.1,
  profiles: {
    fast: {
      minScore: 0.25,
      turns: false,
      rows: [
        { upTo: 1500, passes: ladder(96, 128, 256, 512), turned: ladder(128, 256) },
        { upTo: 2600, passes: ladder(96, 128, 256, 768), turned: ladder(128, 256) },
        { upTo: any, passes: ladder(96, 192, 384, 1024), turned: ladder(128, 256) },
      ],
    },
    balanced: {
      minScore: 0.367,
      turns: false,
      rows: [
        { upTo: 1500, passes: ladder(96, 128, 192, 256, 384, 512, 768, 1024), turned: ladder(128, 256, 512) },
        { upTo: 2600, passes: ladder(96, 128, 192, 256, 384, 512, 768, 1024, 1536), turned: ladder(128, 256, 512) },
        { upTo: any, passes: ladder(96, 128, 192, 256, 384, 512, 768, 1024, 2048), turned: ladder(128, 256, 512) },
      ],
    },
    thorough: {
      minScore: 0.367,
      turns: true,
      rows: [
        { upTo: 1500, passes: ladder(96, 128, 192, 256, 384, 512, 640, 768, 1024, 1280), turned: ladder(128, 256) },
        {
          upTo: 2600,
          passes: ladder(96, 128, 192, 256, 384, 512, 640, 768, 1024, 1536, 2048),
          turned: ladder(128, 256),
        },
        {
          upTo: 3400,
          passes: ladder(96, 128, 192, 256, 384, 512, 640, 768, 1024, 1536, 2048, 3072),
          turned: ladder(128, 256),
        },
        {
          upTo: any,
          passes: ladder(96, 128, 192, 256, 384, 512, 640, 768, 1024, 1536, 2048, 4096),
          turned: ladder(128, 256),
        },
      ],
    },
  },
};

/** Full Range's larger passes run as tiles, whose margins are meant for faces up to 128 pixels. */
function ladder(...sides: readonly number[]): readonly PassTarget[] {
  return sides.map((side) => ({ side, maxFace: side > 768 ? 128 : any }));
}

/**
 * YuNet finds faces from 16 to 770 pixels, so two or three passes do: one that sets the smallest face, and small ones,
 * gated so that they say nothing of faces too small for them, for those that are large; agreeing passes confirm one
 * another. Chosen on labelled crowds; docs/recall.md says how much that flatters.
 */
export const yunetPresets: Presets = {
  alwaysUpTo: 384,
  maxEnlargement: 2,
  profiles: {
    fast: {
      minScore: 0.6,
      turns: false,
      rows: [
        { upTo: 2600, passes: [wide(384), top(768)], turned: [wide(512)], trust: 1.32 },
        { upTo: any, passes: [wide(384), top(1024)], turned: [wide(512)], trust: 1.32 },
      ],
    },
    balanced: {
      minScore: 0.61,
      turns: false,
      rows: [
        { upTo: 850, passes: [wide(256), wide(512), top(1280)], turned: [wide(512)], trust: 1.25 },
        { upTo: 2600, passes: [wide(256), wide(512), top(1280)], turned: [wide(512)], trust: 1.1 },
        { upTo: 6000, passes: [wide(256), wide(512), top(1920)], turned: [wide(768)] },
        { upTo: any, passes: [wide(256), wide(512), top(1280), top(2560)], turned: [wide(768)], trust: 0.8 },
      ],
    },
    thorough: {
      minScore: 0.65,
      turns: true,
      rows: [
        { upTo: 850, passes: [wide(256), wide(512), top(1536)], turned: [wide(512)], trust: 1.6 },
        { upTo: 1500, passes: [wide(256), wide(512), middle(1024), top(1280)], turned: [wide(512)], trust: 0.89 },
        { upTo: 2600, passes: [wide(256), wide(512), middle(1024), top(1920)], turned: [wide(768)], trust: 0.89 },
        {
          upTo: any,
          passes: [wide(256), wide(512), middle(1024), top(2048), top(4096)],
          turned: [wide(1024)],
          trust: 0.7,
        },
      ],
    },
  },
};

/** SCRFD's scores are lower, and its passes confirm one another less: the same passes, but for faces that fill a picture. */
export const scrfdPresets: Presets = {
  alwaysUpTo: 256,
  maxEnlargement: 2,
  profiles: {
    fast: {
      minScore: 0.32,
      turns: false,
      rows: [
        { upTo: 2600, passes: [wide(256), wide(384), top(768)], turned: [wide(512)] },
        { upTo: any, passes: [wide(256), wide(384), top(1024)], turned: [wide(512)] },
      ],
    },
    balanced: {
      minScore: 0.37,
      turns: false,
      rows: [
        { upTo: 2600, passes: [wide(256), wide(512), top(1280)], turned: [wide(512)] },
        { upTo: 6000, passes: [wide(256), wide(512), top(1920)], turned: [wide(768)] },
        { upTo: any, passes: [wide(256), wide(512), top(1280), top(2560)], turned: [wide(768)] },
      ],
    },
    thorough: {
      minScore: 0.475,
      turns: true,
      rows: [
        { upTo: 1500, passes: [wide(256), wide(512), middle(1024), top(1280)], turned: [wide(512)] },
        { upTo: 2600, passes: [wide(256), wide(512), middle(1024), top(1920)], turned: [wide(768)] },
        { upTo: any, passes: [wide(256), wide(512), middle(1024), top(2048), top(4096)], turned: [wide(1024)] },
      ],
    },
  },
};

/** A pass for faces that are large in it: what it says of small ones is more often wrong than right. */
function wide(side: number): PassTarget {
  return { side, minFace: 16 };
}

/** Between the two. */
function middle(side: number): PassTarget {
  return { side, minFace: 10, maxFace: 256 };
}

/** The pass for the smallest faces; of large ones a part may lie in another tile. */
function top(side: number): PassTarget {
  return { side, maxFace: 256 };
}
