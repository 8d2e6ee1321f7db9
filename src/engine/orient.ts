import sharp from "sharp";

/** Pixels of all frames, one below the other. */
export interface Strip {
  readonly data: Buffer;
  readonly width: number;
  /** Of one frame. */
  readonly height: number;
  readonly channels: 3 | 4;
  readonly frames: number;
}

const turns: Record<number, { mirror: boolean; angle: number }> = {
  2: { mirror: true, angle: 0 },
  3: { mirror: false, angle: 180 },
  4: { mirror: true, angle: 180 },
  5: { mirror: true, angle: 270 },
  6: { mirror: false, angle: 90 },
  7: { mirror: true, angle: 90 },
  8: { mirror: false, angle: 270 },
};

/** An animation turned by its EXIF orientation, frame by frame: sharp turns single pictures only. */
export async function turnFrames<T extends Strip>(strip: T, orientation: number): Promise<T> {
  const turn = turns[orientation];
  if (turn === undefined) return strip;
  const { width, height, channels, frames } = strip;
  const bytes = width * height * channels;
  const parts: Buffer[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const raw = { width, height, channels };
    const part = sharp(strip.data.subarray(frame * bytes, (frame + 1) * bytes), { raw });
    const mirrored = turn.mirror ? sharp(await part.flop().raw().toBuffer(), { raw }) : part;
    parts.push(await mirrored.rotate(turn.angle).raw().toBuffer());
  }
  const swapped = turn.angle % 180 !== 0;
  return { ...strip, data: Buffer.concat(parts), width: swapped ? height : width, height: swapped ? width : height };
}
