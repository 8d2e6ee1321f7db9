/** Something in a colour profile that its colours do not need. */
export interface IccOddity {
  readonly at: number;
  readonly length: number;
  readonly detail: string;
}

const mostBytes = 2 ** 20;
/** Header and tag count: ICC.1:2022, 7.2 and 7.3. */
const leastBytes = 132;
const mostTags = 100;
/** Tags for colours, curves and tables: ICC.1:2022 section 9, ICC.2, and the registry's that describe the display. */
const colourTags = new Set(
  `A2B0 A2B1 A2B2 A2B3 B2A0 B2A1 B2A2 B2A3 B2D0 B2D1 B2D2 B2D3 D2B0 D2B1 D2B2 D2B3 bTRC gTRC rTRC kTRC bXYZ gXYZ rXYZ
  wtpt bkpt lumi chad chrm cicp gamt meas pre0 pre1 pre2 rig0 rig2 rig3 resp tech view vued ciis ncl2 aarg aagg aabg
  ndin vcgt vcgp mmod arts psid crdi bfd targ calt devs scrd scrn`.split(/\s+/),
);
/** Tags of words, as anybody may write them. */
const wordTags = new Set(["cprt", "desc", "dmnd", "dmdd", "dscm", "pseq", "clrt", "meta"]);
const mostWords = 8192;

/** What could hide in a profile: more bytes than it says or than the colours take, private tags, gaps, long words. */
export function iccOddities(icc: Buffer): readonly IccOddity[] {
  if (icc.length < leastBytes) return [{ at: 0, length: icc.length, detail: "too short" }];
  const found: IccOddity[] = [];
  const add = (at: number, length: number, detail: string) => found.push({ at, length, detail });
  const size = icc.readUInt32BE(0);
  if (size > icc.length) add(0, icc.length, "cut");
  if (size < icc.length) add(size, icc.length - size, "bytes behind the profile");
  if (icc.length > mostBytes) add(0, icc.length, "oversized");
  if (icc.subarray(100, 128).some((byte) => byte !== 0)) add(100, 28, "reserved bytes in use");

  const count = icc.readUInt32BE(128);
  const end = Math.min(size, icc.length);
  if (count > mostTags || leastBytes + 12 * count > end)
    return [...found, { at: 128, length: 4, detail: "no tag table" }];
  const used: (readonly [from: number, to: number])[] = [[0, leastBytes + 12 * count]];
  for (let at = leastBytes; at < leastBytes + 12 * count; at += 12) {
    const tag = icc.toString("latin1", at, at + 4).trim();
    const [from, length] = [icc.readUInt32BE(at + 4), icc.readUInt32BE(at + 8)];
    if (from + length > end) add(at, 12, "a tag outside the profile");
    else if (!colourTags.has(tag) && !wordTags.has(tag)) add(from, length, `private tag ${JSON.stringify(tag)}`);
    else if (wordTags.has(tag) && length > mostWords) add(from, length, `long words in ${tag}`);
    used.push([from, Math.min(end, from + length)]);
  }
  used.sort((a, b) => a[0] - b[0]);
  let reached = 0;
  for (const [from, to] of [...used, [end, end] as const]) {
    const gap = icc.subarray(Math.min(reached, end), Math.max(reached, Math.min(from, end)));
    // Tags begin at multiples of four; padding is of zeros.
    if (gap.some((byte) => byte !== 0)) add(reached, gap.length, "bytes between its tags");
    reached = Math.max(reached, to);
  }
  return found;
}
