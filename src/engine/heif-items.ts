/** A box's type and where its content lies. */
export interface Box {
  readonly type: string;
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** A picture or block of metadata in a HEIF file. */
export interface Item {
  readonly id: number;
  /** For example `av01`, `grid`, `Exif` or `mime`. */
  readonly type: string;
  /** Of a `mime` item. */
  readonly contentType: string;
  readonly extents: readonly (readonly [from: number, to: number])[];
  /** What it is an auxiliary picture for, by its `auxC` property. */
  readonly auxiliary: string | undefined;
}

export interface Reference {
  readonly type: string;
  readonly from: number;
  readonly to: readonly number[];
}

export interface Items {
  readonly primary: number;
  readonly items: ReadonlyMap<number, Item>;
  readonly references: readonly Reference[];
  /** Every property box. */
  readonly properties: readonly Box[];
}

const mostBoxes = 100_000;
const mostExtents = 2 ** 20;

/** The boxes between two offsets, one behind the other: ISO/IEC 14496-12, 4.2. Fails with RangeError where one is none. */
export function boxesOf(bytes: Buffer, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at < to; ) {
    if (boxes.length >= mostBoxes) throw new RangeError("too many boxes");
    const short = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const body = at + (short === 1 ? 16 : 8);
    const length = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? to - at : short;
    if (body > at + length || at + length > to) throw new RangeError("a box is cut");
    boxes.push({ type, at, from: body, to: at + length });
    at += length;
  }
  return boxes;
}

/** What a `meta` box says of its file's items: ISO/IEC 23008-12 and 14496-12, 8.11. `children`: the boxes in it. */
export function itemsOf(bytes: Buffer, children: readonly Box[]): Items {
  const child = (type: string) => children.find((box) => box.type === type);
  const read = cursor(bytes);
  const properties = child("iprp");
  const inProperties = properties === undefined ? [] : boxesOf(bytes, properties.from, properties.to);
  const container = inProperties.find(({ type }) => type === "ipco");
  const all = container === undefined ? [] : boxesOf(bytes, container.from, container.to);
  const auxiliary = new Map<number, string>();
  for (const box of inProperties.filter(({ type }) => type === "ipma")) {
    for (const [id, index] of associations(read(box))) {
      const property = all[index - 1];
      if (property?.type === "auxC") {
        auxiliary.set(id, bytes.toString("latin1", property.from + 4, property.to).split("\0", 1)[0]!);
      }
    }
  }
  const [pitm, iinf, iloc, iref, idat] = ["pitm", "iinf", "iloc", "iref", "idat"].map(child);
  const primary = pitm === undefined ? 0 : primaryOf(read(pitm));
  const extents = iloc === undefined ? new Map() : extentsOf(read(iloc), bytes.length, idat);
  const items = new Map<number, Item>();
  for (const { id, type, contentType } of iinf === undefined ? [] : entriesOf(bytes, iinf)) {
    items.set(id, { id, type, contentType, extents: extents.get(id) ?? [], auxiliary: auxiliary.get(id) });
  }
  return { primary, items, references: iref === undefined ? [] : referencesOf(bytes, iref), properties: all };
}

interface Cursor {
  readonly version: number;
  readonly flags: number;
  /** The next unsigned number of 0 to 8 bytes. */
  next(size: number): number;
}

/** Reads a full box from behind its version and flags; past its end it fails with RangeError. */
function cursor(bytes: Buffer): (box: Box) => Cursor {
  return ({ from, to }) => {
    let at = from + 4;
    return {
      version: bytes.readUInt8(from),
      flags: bytes.readUIntBE(from + 1, 3),
      next(size) {
        if (at + size > to) throw new RangeError("a box is too short");
        let value = 0;
        for (let i = 0; i < size; i++) value = value * 256 + bytes[at + i]!;
        at += size;
        return value;
      },
    };
  };
}

function primaryOf({ version, next }: Cursor): number {
  return next(version === 0 ? 2 : 4);
}

function* associations({ version, flags, next }: Cursor): Generator<readonly [id: number, index: number]> {
  for (let entries = next(4); entries > 0; entries--) {
    const id = next(version === 0 ? 2 : 4);
    // The top bit says that the property is essential.
    for (let many = next(1); many > 0; many--) yield [id, (flags & 1) === 0 ? next(1) & 0x7f : next(2) & 0x7fff];
  }
}

function* entriesOf(bytes: Buffer, iinf: Box) {
  const read = cursor(bytes);
  const { version } = read(iinf);
  for (const box of boxesOf(bytes, iinf.from + 4 + (version === 0 ? 2 : 4), iinf.to)) {
    if (box.type !== "infe") continue;
    const entry = read(box);
    const id = entry.next(entry.version === 3 ? 4 : 2);
    entry.next(2);
    const at = box.from + 4 + (entry.version === 3 ? 6 : 4);
    const type = bytes.toString("latin1", at, at + 4);
    const [, contentType = ""] = type === "mime" ? bytes.toString("latin1", at + 4, box.to).split("\0", 2) : [];
    yield { id, type, contentType };
  }
}

function extentsOf({ version, next }: Cursor, size: number, idat: Box | undefined) {
  const extents = new Map<number, (readonly [from: number, to: number])[]>();
  // An extent may take no bytes at all.
  let left = mostExtents;
  const sizes = next(2);
  const [offset, length, base, index] = [12, 8, 4, 0].map((shift) => (sizes >> shift) & 15) as [
    ...[number, number, number, number],
  ];
  for (let items = next(version < 2 ? 2 : 4); items > 0; items--) {
    const id = next(version < 2 ? 2 : 4);
    // Within the file, or within idat.
    const method = version === 0 ? 0 : next(2) & 15;
    next(2);
    const start = next(base) + (method === 1 ? (idat?.from ?? 0) : 0);
    const own: (readonly [from: number, to: number])[] = [];
    for (let many = next(2); many > 0; many--) {
      if (left-- <= 0) throw new RangeError("too many extents");
      if (version > 0) next(index);
      const from = start + next(offset);
      const bytes = next(length);
      own.push([from, bytes === 0 ? size : from + bytes]);
    }
    extents.set(id, own);
  }
  return extents;
}

function referencesOf(bytes: Buffer, iref: Box): Reference[] {
  const read = cursor(bytes);
  const id = read(iref).version === 0 ? 2 : 4;
  return boxesOf(bytes, iref.from + 4, iref.to).map((box) => {
    // No version and flags here: four bytes back.
    const { next } = read({ ...box, from: box.from - 4 });
    const from = next(id);
    return { type: box.type, from, to: Array.from({ length: next(2) }, () => next(id)) };
  });
}
