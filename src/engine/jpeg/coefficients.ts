/** One colour component of a JPEG: its quantised DCT coefficients, block after block, rows from the top. */
export interface Component {
  readonly id: number;
  /** Sampling factors. */
  readonly h: number;
  readonly v: number;
  /** How many pixels one sample spans. */
  readonly spanX: number;
  readonly spanY: number;
  /** Blocks that hold pixels. */
  readonly across: number;
  readonly down: number;
  /** Blocks of a row as stored: whole MCUs. What lies beyond `across` and `down` is nobody's to see, and is never written. */
  readonly pitch: number;
  /** Steps of the 64 coefficients, in zigzag order. */
  readonly steps: Uint16Array;
  /** 64 for each block, in zigzag order. */
  readonly values: Int16Array;
}

/** All that a JPEG shows, before it is decoded to pixels. */
export interface Coefficients {
  /** As stored, whatever its EXIF orientation says. */
  readonly width: number;
  readonly height: number;
  readonly progressive: boolean;
  readonly colours: "grey" | "ycc" | "rgb";
  readonly components: readonly Component[];
}

/** Gives the memory of the coefficients back at once: for a large picture there is no room to wait for it. */
export function release({ components }: Coefficients): void {
  for (const { values } of components) (values.buffer as ArrayBuffer).transfer(0);
}

export interface Sampling {
  readonly id: number;
  readonly h: number;
  readonly v: number;
}

/** MCUs of an interleaved scan: T.81, A.2. */
export function mcusOf(width: number, height: number, components: readonly Sampling[]) {
  const hMax = Math.max(...components.map(({ h }) => h));
  const vMax = Math.max(...components.map(({ v }) => v));
  return { hMax, vMax, across: Math.ceil(width / (8 * hMax)), down: Math.ceil(height / (8 * vMax)) };
}

/** A component of which nothing is known yet; its steps are to be filled in. */
export function emptyComponent(width: number, height: number, own: Sampling, all: readonly Sampling[]): Component {
  const { hMax, vMax, across, down } = mcusOf(width, height, all);
  const { id, h, v } = own;
  const pitch = across * h;
  return {
    id,
    h,
    v,
    spanX: hMax / h,
    spanY: vMax / v,
    across: Math.ceil(Math.ceil((width * h) / hMax) / 8),
    down: Math.ceil(Math.ceil((height * v) / vMax) / 8),
    pitch,
    steps: new Uint16Array(64),
    values: new Int16Array(64 * pitch * down * v),
  };
}

/** Place in a block (8 * row + column) of each coefficient in zigzag order: T.81, figure A.6. */
export const zigzag: readonly number[] = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
];

/** One scan as its header tells: T.81, B.2.3. */
export interface ScanHeader {
  /** First and last coefficient. */
  readonly first: number;
  readonly last: number;
  /** Bits that earlier scans have left out and that this one leaves out; 0 and 0 outside progressive files. */
  readonly high: number;
  readonly low: number;
}
