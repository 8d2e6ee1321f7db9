import { searchXmp } from "./residue-metadata.ts";
import { searchPictures } from "./residue-pictures.ts";
import { searchProfile } from "./residue-profile.ts";
import { type Part, partOf, type Search } from "./residue-search.ts";

const [extension, image, trailer] = [0x21, 0x2c, 0x3b];

/** Block by block to the trailer, and what lies behind it: GIF89a. */
export function searchGif(file: Part, search: Search): { readonly frames: number } {
  const { bytes } = file;
  let frames = 0;
  let at = 13;
  let ended = false;
  search.within(file, () => {
    const screen = { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
    at += tableBytes(bytes.readUInt8(10));
    for (;;) {
      const start = at;
      const block = bytes.readUInt8(at++);
      ended = block === trailer;
      if (ended) break;
      if (block === image) {
        frames++;
        const [left, top] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2)];
        const [width, height] = [bytes.readUInt16LE(at + 4), bytes.readUInt16LE(at + 6)];
        // Behind the descriptor, a table of colours and the code size.
        at = endOfBlocks(bytes, at + 9 + tableBytes(bytes.readUInt8(at + 8)) + 1);
        if (left + width > screen.width || top + height > screen.height) {
          search.add("hidden-picture", file, {
            at: start,
            length: at - start,
            picture: true,
            detail: "beyond the screen",
          });
        }
      } else if (block === extension) {
        const label = bytes.readUInt8(at++);
        const end = endOfBlocks(bytes, at);
        searchExtension(label, partOf(file, at, end - at), search);
        at = end;
      } else throw new RangeError("no block begins here");
    }
  });
  if (at < bytes.length) {
    const rest = partOf(file, at);
    if (ended) search.add("trailing-bytes", rest);
    searchPictures(rest, search);
  }
  return { frames: Math.max(1, frames) };
}

function tableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}

/** Behind the block of length zero that ends a chain of blocks. */
function endOfBlocks(bytes: Buffer, from: number): number {
  let at = from;
  for (let length = bytes.readUInt8(at); length !== 0; length = bytes.readUInt8(at)) at += 1 + length;
  return at + 1;
}

function searchExtension(label: number, blocks: Part, search: Search): void {
  const { bytes } = blocks;
  // How a frame is shown: one block of four bytes.
  if (label === 0xf9 && bytes.length === 6) return;
  const name = label === 0xff ? bytes.toString("latin1", 1, 12) : "";
  // How often it is repeated: a block of three bytes.
  if ((name === "NETSCAPE2.0" || name === "ANIMEXTS1.0") && bytes.length === 17) return;
  const words = joined(blocks, label === 0xff ? 12 : 0);
  search.within(words, () => {
    if (name === "XMP DataXMP") searchXmp(partOf(blocks, 12), search);
    else if (name === "ICCRGBG1012") searchProfile(words, search);
    else if (label === 0xfe) search.add("comment", blocks);
    else if (label === 1) search.add("text", blocks);
    else search.add("unknown-data", blocks, { detail: name || `extension ${label.toString(16)}` });
    searchPictures(words, search);
  });
}

function joined(blocks: Part, from: number): Part {
  const parts: Buffer[] = [];
  for (let at = from; at < blocks.bytes.length; at += 1 + blocks.bytes[at]!) {
    parts.push(blocks.bytes.subarray(at + 1, at + 1 + blocks.bytes[at]!));
  }
  return { bytes: Buffer.concat(parts), offset: blocks.offset, span: blocks.bytes.length };
}
