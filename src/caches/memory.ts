import { type Cache, maxValueBytes } from "./cache.ts";

export interface MemoryCacheOptions {
  readonly maxBytes: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A cache in this process alone; what was not used for longest goes first. */
export function createMemoryCache({ maxBytes, now = Date.now }: MemoryCacheOptions): Cache {
  const entries = new Map<string, { readonly value: Buffer; readonly expiresAt: number }>();
  let total = 0;

  function forget(key: string): void {
    total -= entries.get(key)?.value.length ?? 0;
    entries.delete(key);
  }

  return {
    async get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      if (entry.expiresAt <= now()) return void forget(key);
      entries.delete(key);
      entries.set(key, entry);
      return Buffer.from(entry.value);
    },
    async set(key, value, expiresAt) {
      forget(key);
      if (value.length > Math.min(maxBytes, maxValueBytes) || expiresAt <= now()) return;
      entries.set(key, { value: Buffer.from(value), expiresAt });
      total += value.length;
      for (const oldest of entries.keys()) if (total > maxBytes) forget(oldest);
    },
    async delete(key) {
      forget(key);
    },
    bytes: () => total,
    async sweep() {
      for (const [key, { expiresAt }] of entries) if (expiresAt <= now()) forget(key);
    },
    async close() {
      entries.clear();
      total = 0;
    },
  };
}
