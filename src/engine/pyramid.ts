import sharp from "sharp";
import type { Pixels } from "../core/detector.ts";
import type { Turn } from "../core/presets.ts";

/** The same picture at other sizes. */
export interface Pyramid {
  /** The picture at this size. Asked from large to small, levels are made from one another: far faster. */
  level(width: number, height: number): Promise<Pixels>;
  /** A level turned clockwise. */
  turned(level: Pixels, turn: Turn): Promise<Pixels>;
}

// One picture at a time per process, and as many processes as cores: threads would only wait for one another.
sharp.concurrency(1);

/** A pyramid over a picture without alpha; it keeps its levels for as long as it is referenced. */
export function createPyramid(picture: Pixels): Pyramid {
  const levels = [picture];
  return {
    async level(width, height) {
      const known = levels.find((level) => level.width === width && level.height === height);
      if (known) return known;
      // From twice the size or more the filter has enough to average over, so that nothing is lost by the detour.
      const source = levels.findLast((level) => level.width >= 2 * width && level.height >= 2 * height) ?? picture;
      const data = await sharp(source.data, { raw: { width: source.width, height: source.height, channels: 3 } })
        .resize(width, height, { fit: "fill", kernel: "linear" })
        .raw()
        .toBuffer();
      const level: Pixels = { data, width, height, channels: 3 };
      if (width <= picture.width && height <= picture.height) levels.push(level);
      return level;
    },
    async turned(level, turn) {
      if (turn === 0) return level;
      const { width, height } = level;
      const data = await sharp(level.data, { raw: { width, height, channels: 3 } })
        .rotate(turn)
        .raw()
        .toBuffer();
      return turn === 180 ? { ...level, data } : { data, width: height, height: width, channels: 3 };
    },
  };
}
