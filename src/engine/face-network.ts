import type { Candidate, Window } from "../core/candidate.ts";
import type { Pixels } from "../core/detector.ts";
import type { Presets } from "../core/presets.ts";
import type { Box } from "../core/region.ts";

/** A fully convolutional face detector: one network, run by `scan.ts` over the scales and tiles of a picture. */
export interface FaceNetwork {
  readonly name: string;
  /** SHA-256 (hex) of the published model file. */
  readonly digest: string;
  readonly presets: Presets;
  /** Boxes of one pass whose intersection over union is above this are of one face. */
  readonly sameFace: number;
  /** Longest side of a tile; larger passes run as tiles that overlap by `tileMargin` on each side. Multiples of 32. */
  readonly maxTileSide: number;
  readonly tileMargin: number;
  /** The network's box as a Region's: from brow to chin and ear to ear, the way WIDER FACE draws it. */
  calibrate(box: Box): Box;
  /**
   * One run over an RGB picture whose sides are multiples of 32: the cells of `window` that believe to see a face, in
   * pixels of that picture, boxes as the network draws them.
   */
  look(picture: Pixels, window: Window): Promise<readonly Candidate[]>;
}
