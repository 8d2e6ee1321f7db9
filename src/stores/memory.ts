import { Readable } from "node:stream";
import { Problem } from "../errors.ts";
import { checkKey } from "./key.ts";
import type { ObjectInfo, Store } from "./store.ts";

/** A store in this process alone. */
export function createMemoryStore({ name }: { readonly name: string }): Store {
  const objects = new Map<string, { readonly info: ObjectInfo; readonly bytes: Buffer }>();
  let versions = 0;

  return {
    name,

    async get(key, { version, range } = {}) {
      checkKey(key);
      const object = objects.get(key);
      if (object === undefined) throw new Problem("not-found", `There is no ${key} in ${name}`);
      if (version !== undefined && version !== object.info.version) {
        throw new Problem("changed-while-reading", `${key} in ${name} is not the version that was announced any more`);
      }
      const bytes = range === undefined ? object.bytes : object.bytes.subarray(range.start, range.end + 1);
      return { info: object.info, stream: Readable.from(bytes.length > 0 ? [bytes] : [], { objectMode: false }) };
    },

    async put(key, body, { ifNoneMatch }) {
      const refuse = () => {
        if (ifNoneMatch === "*" && objects.has(key)) {
          throw new Problem("already-exists", `There is something at ${key} in ${name} already`);
        }
      };
      try {
        checkKey(key);
        refuse();
        const bytes = Buffer.concat(await body.toArray());
        refuse();
        versions += 1;
        const info = { key, version: String(versions), size: bytes.length, modifiedAt: Date.now() };
        objects.set(key, { info, bytes });
        return info;
      } finally {
        body.destroy();
      }
    },

    async head(key) {
      checkKey(key);
      return objects.get(key)?.info;
    },

    async *list(prefix) {
      const folder = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
      for (const [key, { info }] of objects) if (key.startsWith(folder)) yield info;
    },

    async remove(key) {
      checkKey(key);
      objects.delete(key);
    },

    async close() {
      objects.clear();
    },
  };
}
