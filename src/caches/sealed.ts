import { randomBytes } from "node:crypto";
import { type AtRestKeys, headerBytes, headerOf, readHeader } from "../core/at-rest.ts";
import { openBytes, sealBytes } from "../core/sealed-bytes.ts";
import type { Cache } from "./cache.ts";

/** A cache whose values lie sealed where it keeps them, which makes each some kilobytes larger at most. What was kept in another way is as good as absent. */
export function createSealedCache(cache: Cache, { current, find }: AtRestKeys): Cache {
  if (current === undefined) return cache;
  return {
    ...cache,
    async get(name) {
      const stored = await cache.get(name);
      const header = stored && readHeader(stored);
      const key = header && find(header.id);
      if (header === undefined || key === undefined) return undefined;
      try {
        return openBytes(stored!.subarray(headerBytes), key.of(header.salt, name));
      } catch {
        // What is not as it was set is absent, as the contract has it.
        return undefined;
      }
    },
    async set(name, value, expiresAt) {
      const salt = randomBytes(16);
      await cache.set(
        name,
        Buffer.concat([headerOf(current, salt), sealBytes(value, current.of(salt, name))]),
        expiresAt,
      );
    },
  };
}
