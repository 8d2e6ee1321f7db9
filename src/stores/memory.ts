import { Readable } from "node:stream";
import { Problem } from "../errors.ts";
import { checkKey, requireSize } from "./key.ts";
import { otherVersion } from "./other-version.ts";
import type { Metadata, ObjectInfo, Store } from "./store.ts";

/** A store in this process alone. */
export function createMemoryStore({ name }: { readonly name: string }): Store {
  const objects = new Map<string, { readonly info: ObjectInfo; readonly metadata: Metadata; readonly bytes: Buffer }>();
  let versions = 0;

  return {
    name,

    async get(key, { version, range } = {}) {
      checkKey(key);
      const object = objects.get(key);
      if (object === undefined) throw new Problem("not-found", `There is no ${key} in ${name}`);
      if (version !== undefined && version !== object.info.version) throw otherVersion(key, name);
      const bytes = range === undefined ? object.bytes : object.bytes.subarray(range.start, range.end + 1);
      const info = { ...object.info, metadata: object.metadata };
      return { info, stream: Readable.from(bytes.length > 0 ? [bytes] : [], { objectMode: false }) };
    },

    async put(key, body, { size, ifNoneMatch, ifMatch, beforeVisible, metadata = {} }) {
      const refuse = () => {
        const there = objects.get(key)?.info.version;
        if ((ifNoneMatch === "*" && there !== undefined) || (ifMatch !== undefined && there !== ifMatch)) {
          throw new Problem("already-exists", `There is something at ${key} in ${name} already`);
        }
      };
      try {
        checkKey(key);
        refuse();
        const bytes = Buffer.concat(await body.toArray());
        requireSize(key, bytes.length, size);
        await beforeVisible?.();
        refuse();
        versions += 1;
        const info = { key, version: String(versions), size: bytes.length, modifiedAt: Date.now() };
        objects.set(key, { info, metadata, bytes });
        return { ...info, metadata };
      } finally {
        body.destroy();
      }
    },

    async head(key) {
      checkKey(key);
      const object = objects.get(key);
      return object && { ...object.info, metadata: object.metadata };
    },

    async *list(prefix, { signal } = {}) {
      const folder = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
      for (const [key, { info }] of objects) {
        signal?.throwIfAborted();
        if (key.startsWith(folder)) yield info;
      }
    },

    async remove(key, { ifMatch } = {}) {
      checkKey(key);
      const there = objects.get(key);
      if (ifMatch !== undefined && there !== undefined && there.info.version !== ifMatch) throw otherVersion(key, name);
      objects.delete(key);
    },

    async close() {
      objects.clear();
    },
  };
}
