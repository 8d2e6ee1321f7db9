/** How stored pixels become upright ones: EXIF 2.3, orientation. First the axes change places, then each is mirrored. */
interface Turn {
  readonly swap: boolean;
  readonly mirrorX: boolean;
  readonly mirrorY: boolean;
}

const turns: Readonly<Record<number, Turn>> = {
  1: { swap: false, mirrorX: false, mirrorY: false },
  2: { swap: false, mirrorX: true, mirrorY: false },
  3: { swap: false, mirrorX: true, mirrorY: true },
  4: { swap: false, mirrorX: false, mirrorY: true },
  5: { swap: true, mirrorX: false, mirrorY: false },
  6: { swap: true, mirrorX: true, mirrorY: false },
  7: { swap: true, mirrorX: true, mirrorY: true },
  8: { swap: true, mirrorX: false, mirrorY: true },
};

/** Walks an upright picture along the rows and columns it is stored in; all in pixels. */
export interface StoredWalk {
  /** Number of the upright pixel that is stored first. */
  readonly start: number;
  /** From it to the next one in its stored row, and in its stored column. */
  readonly stepX: number;
  readonly stepY: number;
  /** Where the upright pixel x, y is stored. */
  placeOf(x: number, y: number): { x: number; y: number };
}

/** The walk for an orientation of 1 to 8 and the upright size. */
export function storedWalk(orientation: number, width: number, height: number): StoredWalk {
  const { swap, mirrorX, mirrorY } = turns[orientation]!;
  const [alongX, alongY] = [mirrorX ? -1 : 1, mirrorY ? -width : width];
  return {
    start: (mirrorX ? width - 1 : 0) + (mirrorY ? (height - 1) * width : 0),
    stepX: swap ? alongY : alongX,
    stepY: swap ? alongX : alongY,
    placeOf(x, y) {
      const [u, v] = [mirrorX ? width - 1 - x : x, mirrorY ? height - 1 - y : y];
      return swap ? { x: v, y: u } : { x: u, y: v };
    },
  };
}
