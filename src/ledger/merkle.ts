import { createHash } from "node:crypto";

/** A SHA-256 in lower-case hexadecimal. */
export type Hash = string;

/** The whole subtree of 2^level leaves that begins at leaf `place` * 2^level. */
export interface TreeNode {
  readonly level: number;
  readonly place: number;
  readonly hash: Hash;
}

/** The least of a tree that leaves can be added to: its whole subtrees, the largest first. */
export interface Frontier {
  readonly size: number;
  readonly peaks: readonly TreeNode[];
}

/** Answers a whole subtree's hash. */
export type ReadNode = (level: number, place: number) => Promise<Hash>;

export const emptyFrontier: Frontier = { size: 0, peaks: [] };

/** SHA-256 over a prefix, which keeps leaves and nodes apart (RFC 9162, 2.1.1), and the parts. */
export function hashOf(prefix: number, ...parts: readonly (Uint8Array | string)[]): Hash {
  const hash = createHash("sha256").update(Uint8Array.of(prefix));
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

export const leafHash = (text: string): Hash => hashOf(0, text);

export function nodeHash(left: Hash, right: Hash): Hash {
  return hashOf(1, Buffer.from(left, "hex"), Buffer.from(right, "hex"));
}

/** The tree with one leaf more; `onNode` is told of each subtree that it completes, the leaf first. */
export function grow({ size, peaks }: Frontier, leaf: Hash, onNode: (node: TreeNode) => void = () => {}): Frontier {
  const kept = [...peaks];
  let node: TreeNode = { level: 0, place: size, hash: leaf };
  onNode(node);
  while (kept.at(-1)?.level === node.level) {
    const left = kept.pop()!;
    node = { level: node.level + 1, place: left.place / 2, hash: nodeHash(left.hash, node.hash) };
    onNode(node);
  }
  return { size: size + 1, peaks: [...kept, node] };
}

/** The tree's head: what stands for all its leaves in their order. */
export function rootOf({ peaks }: Frontier): Hash {
  if (peaks.length === 0) return createHash("sha256").digest("hex");
  return peaks.slice(0, -1).reduceRight((right, { hash }) => nodeHash(hash, right), peaks.at(-1)!.hash);
}

/** What `size` leaves added one by one would have left. */
export async function frontierAt(size: number, read: ReadNode): Promise<Frontier> {
  const peaks: TreeNode[] = [];
  for (let start = 0; start < size; ) {
    const level = Math.floor(Math.log2(size - start));
    const place = start / 2 ** level;
    peaks.push({ level, place, hash: await read(level, place) });
    start += 2 ** level;
  }
  return { size, peaks };
}

/** The hashes that lead from leaf `index` to the head of the first `size` leaves (RFC 9162, 2.1.3.1). */
export function inclusionPath(index: number, size: number, read: ReadNode): Promise<Hash[]> {
  return path(index, 0, size);

  async function path(at: number, start: number, count: number): Promise<Hash[]> {
    if (count === 1) return [];
    const left = split(count);
    if (at < left) return [...(await path(at, start, left)), await treeHash(start + left, count - left, read)];
    return [...(await path(at - left, start + left, count - left)), await treeHash(start, left, read)];
  }
}

/** The hashes that show that the first `old` leaves are the beginning of the first `size` (RFC 9162, 2.1.4.1). */
export async function consistencyPath(old: number, size: number, read: ReadNode): Promise<Hash[]> {
  if (old === 0 || old === size) return [];
  return proof(old, 0, size, true);

  async function proof(count: number, start: number, whole: number, isFirst: boolean): Promise<Hash[]> {
    if (count === whole) return isFirst ? [] : [await treeHash(start, whole, read)];
    const left = split(whole);
    if (count <= left) {
      return [...(await proof(count, start, left, isFirst)), await treeHash(start + left, whole - left, read)];
    }
    return [...(await proof(count - left, start + left, whole - left, false)), await treeHash(start, left, read)];
  }
}

/** Whether the path leads from that leaf to that head (RFC 9162, 2.1.3.2). */
export function isIncluded(leaf: Hash, index: number, size: number, path: readonly Hash[], root: Hash): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  let [at, last, hash] = [index, size - 1, leaf];
  for (const other of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(other, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, half(last)];
    } else {
      hash = nodeHash(hash, other);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && hash === root;
}

/** Whether the path shows that the one head's tree is the beginning of the other's (RFC 9162, 2.1.4.2). */
export function isConsistent(
  old: { readonly size: number; readonly root: Hash },
  now: { readonly size: number; readonly root: Hash },
  path: readonly Hash[],
): boolean {
  if (old.size > now.size) return false;
  if (old.size === now.size) return path.length === 0 && old.root === now.root;
  if (old.size === 0) return path.length === 0 && old.root === rootOf(emptyFrontier);
  const [first, ...rest] = isPowerOfTwo(old.size) ? [old.root, ...path] : path;
  if (first === undefined) return false;
  let [at, last] = [old.size - 1, now.size - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let [before, after] = [first, first];
  for (const other of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      [before, after] = [nodeHash(other, before), nodeHash(other, after)];
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, half(last)];
    } else {
      after = nodeHash(after, other);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && before === old.root && after === now.root;
}

/** Of `count` leaves from `start`, which is where a whole subtree of that size or a larger one would begin. */
async function treeHash(start: number, count: number, read: ReadNode): Promise<Hash> {
  if (isPowerOfTwo(count)) return read(Math.log2(count), start / count);
  const left = split(count);
  return nodeHash(await treeHash(start, left, read), await treeHash(start + left, count - left, read));
}

/** The largest power of two below the count. */
function split(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

// Numbers of more than 32 bits: `>> 1` would cut them off.
function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}
