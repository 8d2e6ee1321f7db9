import sharp from "sharp";
import type { Pixels } from "../core/detector.ts";

/** The same picture at other sizes. */
export interface Pyramid {
  /** The picture at this size; sizes asked for from large to small are made from one another. */
  level(width: number, height: number): Promise<Pixels>;
}

/** A pyramid over a picture without alpha. Runs on the calling process' share of libvips' threads. */
export function createPyramid(picture: Pixels): Pyramid {
  let nearest = picture;
  return {
    async level(width, height) {
      if (width === picture.width && height === picture.height) return picture;
      // From a level twice the size or more the triangle filter averages as well as from the original, and far faster.
      const source = nearest.width >= 2 * width && nearest.height >= 2 * height ? nearest : picture;
      const data = await sharp(source.data, { raw: { width: source.width, height: source.height, channels: 3 } })
        .resize(width, height, { fit: "fill", kernel: "linear" })
        .raw()
        .toBuffer();
      const level: Pixels = { data, width, height, channels: 3 };
      if (width < picture.width) nearest = level;
      return level;
    },
  };
}
