/** Numbers that depend on the seed alone. */
export interface Random {
  /** A whole number from 0 to below `end`. */
  below(end: number): number;
  /** A whole number within both ends. */
  between(from: number, to: number): number;
  /** Whether it happens, at this share of all times. */
  chance(share: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** Of weighted things one, the heavier the more often. */
  weighted<T>(list: readonly (readonly [weight: number, T])[]): T;
  bytes(length: number): Buffer;
}

/** mulberry32: small, quick and the same everywhere. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * Math.max(1, end));
  const random: Random = {
    below,
    between: (from, to) => from + below(to - from + 1),
    chance: (share) => next() < share,
    pick: (list) => list[below(list.length)]!,
    weighted(list) {
      let left = next() * list.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, thing] of list) {
        left -= weight;
        if (left < 0) return thing;
      }
      return list.at(-1)![1];
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
  return random;
}

/** Numbers at which programs break: limits of signed and unsigned fields, and what is next to them. */
export function oddNumber(random: Random, bytes: 1 | 2 | 4): number {
  const bits = bytes * 8;
  const most = 2 ** bits - 1;
  const odd = [0, 1, 2, 3, 7, 8, 255, 256, 257, most, most - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1, 65_535, 65_536];
  const number = random.chance(0.7) ? random.pick(odd) : random.below(most);
  return Math.min(number, most);
}
