import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { type AtRestKeys, beginsSealed, headerBytes, headerOf, magicBytes, readHeader } from "../core/at-rest.ts";
import { opened, openedSize, openRange, sealed, sealedRange, sealedSize } from "../core/sealed-bytes.ts";
import { Problem } from "../errors.ts";
import type { ObjectInfo, Store } from "./store.ts";

/**
 * A store whose objects lie sealed in another one. What was put before there was a key is read as it is, and without one
 * nothing is sealed: what begins as sealed objects do is refused then (Problem unsupported), lest it pass for one, now or
 * once there is a key. Problem invalid-config for what was sealed by a key that is not here; a listing and `head` tell of
 * such an object by the size that it has on the disk.
 */
export function createSealedStore(store: Store, { current, find }: AtRestKeys): Store {
  /** The key of a sealed object; undefined: it is not sealed. */
  async function keyOf(name: string, version: string): Promise<Uint8Array | undefined> {
    const { stream } = await store.get(name, { version, range: { start: 0, end: headerBytes - 1 } });
    const header = readHeader(Buffer.concat(await stream.toArray()));
    if (header === undefined) return undefined;
    const key = find(header.id);
    if (key !== undefined) return key.of(header.salt, name);
    throw new Problem("invalid-config", `${store.name}/${name} is sealed by a key that is not here`, {
      remedy: "Add the key that it was sealed by to the file of dataKeyFile, in a line of its own.",
    });
  }

  const plainInfo = (info: ObjectInfo): ObjectInfo => ({ ...info, size: openedSize(info.size - headerBytes) });

  async function infoOf(info: ObjectInfo): Promise<ObjectInfo> {
    if (info.size <= headerBytes) return info;
    try {
      return (await keyOf(info.key, info.version)) === undefined ? info : plainInfo(info);
    } catch (error) {
      // One that is gone meanwhile, or another key's, keeps nobody from the others.
      if (!(error instanceof Problem) || error.code === "store-unavailable") throw error;
      return info;
    }
  }

  return {
    ...store,
    async get(name, { version, range } = {}) {
      const there = await store.head(name);
      const wanted = version ?? there?.version;
      const own = there !== undefined && there.size > headerBytes ? await keyOf(name, wanted!) : undefined;
      if (own === undefined)
        return store.get(name, { ...(version !== undefined && { version }), ...(range && { range }) });
      const size = there!.size - headerBytes;
      if (range !== undefined) {
        const end = Math.min(range.end, openedSize(size) - 1);
        if (end < range.start) return { info: plainInfo(there!), stream: Readable.from([]) };
        const { from, to, skip } = sealedRange(range.start, end);
        const stretch = { start: headerBytes + from, end: Math.min(headerBytes + to, there!.size - 1) };
        const { info, stream } = await store.get(name, { version: wanted!, range: stretch });
        const bytes = openRange(Buffer.concat(await stream.toArray()), own, { from, size });
        return { info: plainInfo(info), stream: Readable.from([bytes.subarray(skip, skip + end - range.start + 1)]) };
      }
      const { info, stream } = await store.get(name, { version: wanted! });
      const plain = Readable.from(opened(withoutHeader(stream), own), { objectMode: false });
      plain.once("close", () => stream.destroy());
      return { info: plainInfo(info), stream: plain };
    },
    async put(name, body, options) {
      if (current === undefined) {
        return await store.put(name, Readable.from(unlikeSealed(body), { objectMode: false }), options);
      }
      const salt = randomBytes(16);
      const { size, ...rest } = options;
      const sized = size === undefined ? {} : { size: headerBytes + sealedSize(size) };
      const written = Readable.from(withHeader(headerOf(current, salt), sealed(body, current.of(salt, name))), {
        objectMode: false,
      });
      return plainInfo(await store.put(name, written, { ...rest, ...sized }));
    },
    async head(name) {
      const info = await store.head(name);
      return info && current ? infoOf(info) : info;
    },
    async *list(prefix, options) {
      for await (const info of store.list(prefix, options)) yield current ? await infoOf(info) : info;
    },
  };
}

/** The same bytes, unless they begin as sealed ones do. */
async function* unlikeSealed(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  let isLooked = false;
  for await (const chunk of body) {
    if (isLooked) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < magicBytes) continue;
    if (beginsSealed(head)) throw new Problem("unsupported", "The file begins as those do that veil has sealed");
    isLooked = true;
    yield head;
  }
  if (!isLooked) yield head;
}

async function* withHeader(header: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield header;
  yield* rest;
}

async function* withoutHeader(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let left = headerBytes;
  for await (const chunk of stream) {
    const skipped = Math.min(left, chunk.length);
    left -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}
