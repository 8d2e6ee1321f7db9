import { Problem } from "../errors.ts";

/** What a file may carry beside the picture that it shows, in the words of a report. */
export const residueKinds = {
  "embedded-picture": "a picture within other data",
  "exif-thumbnail": "EXIF thumbnail",
  "jfif-thumbnail": "JFIF thumbnail",
  "photoshop-thumbnail": "Photoshop thumbnail",
  "xmp-picture": "picture in XMP",
  thumbnail: "thumbnail",
  "second-picture": "second picture",
  "gain-map": "gain map (HDR)",
  depth: "depth map",
  "auxiliary-picture": "auxiliary picture",
  "hidden-picture": "picture that is not shown",
  frames: "frames or pages beyond those masked",
  "sub-directory": "TIFF sub-directory",
  layers: "Photoshop layers",
  "hidden-pixels": "colours under full transparency",
  exif: "EXIF",
  "maker-note": "maker note",
  gps: "GPS position",
  xmp: "XMP",
  iptc: "IPTC",
  photoshop: "Photoshop resources",
  text: "text",
  comment: "comment",
  "colour-profile": "something odd in the colour profile",
  "unknown-data": "data of unknown meaning",
  "trailing-bytes": "bytes behind the end",
  "stray-bytes": "bytes that nothing refers to",
  damaged: "a part that can't be read",
} as const;
export type ResidueKind = keyof typeof residueKinds;

export interface Finding {
  readonly kind: ResidueKind;
  /** Where it begins in the file; for what lies packed or split within other data, where that begins. */
  readonly offset: number;
  readonly length: number;
  /** Whether it is, or holds, a picture. */
  readonly picture: boolean;
  readonly detail?: string;
}

/** Bytes and where they lie in the file. */
export interface Part {
  readonly bytes: Buffer;
  readonly offset: number;
  /** Of what was unpacked or joined: the length in the file of what it came from. */
  readonly span?: number;
}

interface Place {
  readonly at?: number;
  readonly length?: number;
  readonly picture?: boolean;
  readonly detail?: string;
}

/** Collects the findings of one file, and bounds the work. */
export interface Search {
  readonly findings: readonly Finding[];
  /** Whether more would not be noted. */
  isFull(): boolean;
  /** Notes something in a part: the whole of it, or `length` bytes from `at`. */
  add(kind: ResidueKind, part: Part, place?: Place): void;
  /** Counts bytes that are looked at again. Fails with residue when the file is too tangled. */
  spend(bytes: number): void;
  /** Runs a reader of a part; what it can't read is a finding, and so is what nests too deeply. */
  within(part: Part, reader: (part: Part) => void): void;
}

const mostFindings = 10_000;
const mostDepth = 6;

/** A search in a file of so many bytes: work is bounded by a multiple of them. */
export function startSearch(size: number): Search {
  const findings: Finding[] = [];
  let budget = 32e6 + 8 * size;
  let depth = 0;
  const add: Search["add"] = (
    kind,
    part,
    { at = 0, length = part.bytes.length - at, picture = false, detail } = {},
  ) => {
    if (findings.length >= mostFindings) return;
    // What is told of may lie elsewhere in the file, or nowhere.
    const offset = Math.min(size, part.span === undefined ? part.offset + at : part.offset);
    const reach = Math.max(0, Math.min(size - offset, part.span ?? length));
    findings.push({ kind, offset, length: reach, picture, ...(detail !== undefined && { detail }) });
  };
  return {
    findings,
    isFull: () => findings.length >= mostFindings,
    add,
    spend(bytes) {
      budget -= bytes;
      if (budget < 0) throw new Problem("residue", "The file is too tangled to be searched");
    },
    within(part, reader) {
      if (depth >= mostDepth) {
        add("damaged", part, { detail: "nested too deeply" });
        return;
      }
      depth++;
      try {
        reader(part);
      } catch (error) {
        // Read past the end.
        if (!(error instanceof RangeError)) throw error;
        add("damaged", part);
      } finally {
        depth--;
      }
    },
  };
}

/** `length` bytes of a part from `at`, cut at its end. */
export function partOf(part: Part, at: number, length = part.bytes.length - at): Part {
  const bytes = part.bytes.subarray(at, at + Math.max(0, length));
  return part.span === undefined ? { bytes, offset: part.offset + at } : { ...part, bytes };
}
