import { searchExif, searchXmp } from "./residue-metadata.ts";
import { searchPictures } from "./residue-pictures.ts";
import { searchProfile } from "./residue-profile.ts";
import { type Part, partOf, type Search } from "./residue-search.ts";

/** Chunk by chunk within the RIFF size, and what lies behind it: RFC 9649. */
export function searchWebp(file: Part, search: Search): { readonly frames: number; readonly alpha: boolean } {
  const state = { stills: 0, frames: 0, alpha: false };
  search.within(file, ({ bytes }) => {
    const end = 8 + bytes.readUInt32LE(4);
    const padded = end + (end % 2);
    readChunks(partOf(file, 12, Math.min(padded, bytes.length) - 12), search, (type, body) => {
      switch (type) {
        case "VP8 ":
        case "VP8L":
          if (++state.stills > 1) search.add("hidden-picture", body, { picture: true });
          if (type === "VP8L" && ((body.bytes[4] ?? 0) & 0x10) !== 0) state.alpha = true;
          return;
        case "VP8X":
          if (((body.bytes[0] ?? 0) & 0x10) !== 0) state.alpha = true;
          if (body.bytes.length > 10) search.add("unknown-data", body, { detail: type });
          return;
        case "ALPH":
          return;
        case "ANIM":
          if (body.bytes.length > 6) search.add("unknown-data", body, { detail: type });
          return;
        case "ANMF":
          state.frames++;
          searchFrame(body, search);
          return;
        case "ICCP":
          searchProfile(body, search);
          return;
        case "EXIF":
          searchExif(body.bytes.subarray(0, 5).equals(Buffer.from("Exif\0")) ? partOf(body, 6) : body, search);
          return;
        case "XMP ":
          searchXmp(body, search);
          return;
        default:
          search.add("unknown-data", body, { detail: type });
          searchPictures(body, search);
      }
    });
    if (end > bytes.length) throw new RangeError("the file is cut");
    if (padded < bytes.length) {
      const rest = partOf(file, padded);
      search.add("trailing-bytes", rest);
      searchPictures(rest, search);
    }
    if (state.frames > 0 && state.stills > 0) search.add("hidden-picture", file, { picture: true });
  });
  return { frames: Math.max(1, state.frames), alpha: state.alpha };
}

function searchFrame(frame: Part, search: Search): void {
  let stills = 0;
  readChunks(partOf(frame, 16), search, (type, body) => {
    if (type === "ALPH") return;
    if (type === "VP8 " || type === "VP8L") {
      if (++stills > 1) search.add("hidden-picture", body, { picture: true });
      return;
    }
    search.add("unknown-data", body, { detail: type });
    searchPictures(body, search);
  });
}

function readChunks(part: Part, search: Search, onChunk: (type: string, body: Part) => void): void {
  search.within(part, ({ bytes }) => {
    for (let at = 0; at < bytes.length; ) {
      const type = bytes.toString("latin1", at, at + 4);
      const length = bytes.readUInt32LE(at + 4);
      const body = partOf(part, at + 8, length);
      if (body.bytes.length < length) throw new RangeError("a chunk is cut");
      search.within(body, () => onChunk(type, body));
      at += 8 + length + (length % 2);
    }
  });
}
