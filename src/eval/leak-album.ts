import sharp from "sharp";
import type { Pixels } from "../core/detector.ts";
import type { Bounds } from "../core/ellipse.ts";
import type { Box } from "../core/region.ts";
import type { FaceOutcome, Rendered } from "./measure-picture.ts";

/** A leak as it can be seen in the output: an unmasked face. */
export interface LeakPicture {
  readonly file: string;
  readonly box: Box;
  /** JPEG, square, the face in the middle half. */
  readonly jpeg: Buffer;
}

export interface LeakAlbum {
  /** Takes the leaks of one output in, as far as they are among the worst. */
  add(rendered: Rendered): Promise<void>;
  /** Largest face first. */
  readonly worst: readonly { readonly file: string; readonly set: string; readonly face: FaceOutcome }[];
  readonly pictures: readonly LeakPicture[];
}

const side = 240;

/** Collects the largest faces that leaked, and their pictures only where asked to: those show people. */
export function createLeakAlbum({ size, withPictures }: { size: number; withPictures: boolean }): LeakAlbum {
  let entries: { file: string; set: string; face: FaceOutcome; jpeg?: Buffer }[] = [];
  return {
    async add({ outcome, masked }) {
      const { file, set } = outcome.picture;
      const leaks = outcome.faces.filter(({ leaked }) => leaked).map((face) => ({ file, set, face }));
      entries = [...entries, ...leaks].sort((a, b) => b.face.box.height - a.face.box.height).slice(0, size);
      if (!withPictures) return;
      for (const entry of entries) entry.jpeg ??= await crop(masked, entry.face.box);
    },
    get worst() {
      return entries;
    },
    get pictures() {
      return entries.flatMap(({ file, face, jpeg }) => (jpeg ? [{ file, box: face.box, jpeg }] : []));
    },
  };
}

async function crop({ data, width, height, channels }: Pixels, box: Box): Promise<Buffer> {
  const reach = Math.min(Math.max(box.width, box.height), width, height);
  const size = Math.max(1, Math.min(Math.round(2 * reach), width, height));
  const start = (centre: number, limit: number) => Math.round(Math.min(Math.max(0, centre - size / 2), limit - size));
  const left = start(box.x + box.width / 2, width);
  const top = start(box.y + box.height / 2, height);
  const { data: square, info } = await sharp(data, { raw: { width, height, channels } })
    .extract({ left, top, width: size, height: size })
    .resize(side, side, { kernel: "cubic" })
    .flatten()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const scale = side / size;
  const at = (value: number) => Math.min(side - 1, Math.max(0, Math.round(value * scale)));
  frame(square, info.channels, {
    ...{ left: at(box.x - left), top: at(box.y - top) },
    ...{ right: at(box.x + box.width - left), bottom: at(box.y + box.height - top) },
  });
  return sharp(square, { raw: { width: side, height: side, channels: info.channels } })
    .jpeg({ quality: 82 })
    .toBuffer();
}

/** Draws a thin red rectangle into square pixels. */
function frame(square: Buffer, channels: number, { left, top, right, bottom }: Bounds): void {
  const paint = (x: number, y: number) => square.set([204, 17, 17], (y * side + x) * channels);
  for (let x = left; x <= right; x++) for (const y of [top, bottom]) paint(x, y);
  for (let y = top; y <= bottom; y++) for (const x of [left, right]) paint(x, y);
}
