import sharp, { type Sharp } from "sharp";
import type { Decoded } from "./decode.ts";

export interface Encoded {
  readonly data: Buffer;
  readonly contentType: string;
  readonly extension: string;
}

/**
 * The pixels in the original's format (HEIC becomes JPEG), with its colour profile and no other metadata: everything
 * is made anew from pixels, so no thumbnail, preview, comment or trailing byte of the original can come along.
 */
export async function encode(decoded: Decoded, quality: number): Promise<Encoded> {
  const { original } = decoded;
  const image = original.icc === undefined ? fromRaw(decoded) : fromProfiled(decoded, original.icc);
  const flat = original.grey ? image.toColourspace("b-w") : image;
  const animation = {
    ...(original.delay && decoded.frames > 1 && { delay: [...original.delay] }),
    ...(original.loop !== undefined && decoded.frames > 1 && { loop: original.loop }),
  };
  switch (original.format) {
    case "jpeg":
    case "heic": {
      const chromaSubsampling = original.chromaSubsampling === "4:4:4" ? "4:4:4" : "4:2:0";
      const jpeg = flat.flatten().jpeg({ quality, chromaSubsampling, progressive: original.progressive });
      return { data: await jpeg.toBuffer(), contentType: "image/jpeg", extension: "jpg" };
    }
    case "png":
      return {
        data: await flat.png({ progressive: original.progressive }).toBuffer(),
        contentType: "image/png",
        extension: "png",
      };
    case "webp": {
      const webp = flat.webp({ quality, lossless: original.lossless, ...animation });
      return { data: await webp.toBuffer(), contentType: "image/webp", extension: "webp" };
    }
    case "avif":
      // Effort 2 of 9: a third of the default's time for a few per cent more bytes.
      return { data: await flat.avif({ quality, effort: 2 }).toBuffer(), contentType: "image/avif", extension: "avif" };
    case "tiff": {
      const compression = original.compression === "jpeg" ? "jpeg" : original.compression === "none" ? "none" : "lzw";
      return {
        data: await flat.tiff({ quality, compression }).toBuffer(),
        contentType: "image/tiff",
        extension: "tiff",
      };
    }
    case "gif":
      return { data: await flat.gif(animation).toBuffer(), contentType: "image/gif", extension: "gif" };
    default:
      return original.format satisfies never;
  }
}

function fromRaw(decoded: Decoded): Sharp {
  const { data, width, height, channels, frames } = decoded;
  return sharp(data, {
    raw: { width, height: height * frames, channels, ...(frames > 1 && { pageHeight: height }) },
    limitInputPixels: false,
  });
}

/**
 * sharp attaches a profile untouched only when the input carries it, and converts the values otherwise: so the raw
 * pixels are handed over as an uncompressed TIFF that carries it.
 */
function fromProfiled(decoded: Decoded, icc: Buffer): Sharp {
  return sharp(tiffOf(decoded, icc), { limitInputPixels: false }).keepIccProfile();
}

/** Baseline TIFF 6.0: header, pixels in one strip, profile, then the directory. */
function tiffOf({ data, width, height, channels }: Decoded, icc: Buffer): Buffer {
  const short = 3;
  const long = 4;
  const iccAt = 8 + data.length;
  const bitsAt = iccAt + icc.length + (icc.length % 2);
  const directoryAt = bitsAt + 8;
  const entries: readonly (readonly [tag: number, type: number, count: number, value: number])[] = [
    [256, long, 1, width],
    [257, long, 1, height],
    [258, short, channels, bitsAt], // bits per sample, by offset
    [259, short, 1, 1], // uncompressed
    [262, short, 1, 2], // RGB
    [273, long, 1, 8], // the strip's offset
    [277, short, 1, channels],
    [278, long, 1, height],
    [279, long, 1, data.length],
    ...(channels === 4 ? ([[338, short, 1, 2]] as const) : []), // unassociated alpha
    [34675, 7, icc.length, iccAt],
  ];
  const end = Buffer.alloc(directoryAt - iccAt + 2 + 12 * entries.length + 4);
  icc.copy(end);
  for (let i = 0; i < 4; i++) end.writeUInt16LE(8, bitsAt - iccAt + 2 * i);
  let at = directoryAt - iccAt;
  end.writeUInt16LE(entries.length, at);
  at += 2;
  for (const [tag, type, count, value] of entries) {
    end.writeUInt16LE(tag, at);
    end.writeUInt16LE(type, at + 2);
    end.writeUInt32LE(count, at + 4);
    end.writeUInt32LE(value, at + 8);
    at += 12;
  }
  const head = Buffer.from("II*\0\0\0\0\0", "latin1");
  head.writeUInt32LE(directoryAt, 4);
  return Buffer.concat([head, data, end]);
}
