import { Readable } from "node:stream";
import { isSystemName } from "../core/system-name.ts";
import { Problem } from "../errors.ts";
import { discard, receivedBody } from "./http-body.ts";
import type { HttpTimeouts } from "./http-client.ts";
import { statusProblem } from "./http-problem.ts";
import { checkName, isTemporary } from "./key.ts";
import { otherVersion } from "./other-version.ts";
import type { GetOptions, ObjectInfo, Store } from "./store.ts";
import type { SwiftSettings } from "./swift-auth.ts";
import { createSwiftConnection } from "./swift-connection.ts";
import { listContainer } from "./swift-list.ts";
import { infoOf, infoOfRow } from "./swift-object.ts";
import { createSwiftPut } from "./swift-put.ts";

export interface SwiftStoreOptions {
  readonly name: string;
  readonly settings: SwiftSettings;
  /** Where in it this store lies: a path, without a slash at its end. */
  readonly root: string;
  readonly timeouts?: HttpTimeouts;
  /** How many names a listing asks for at once. */
  readonly pageSize?: number;
}

/** A container of OpenStack's Swift, or what lies below a path in it. Any name is a key; writes are whole or not there. */
export function createSwiftStore(options: SwiftStoreOptions): Store {
  const { name, settings, root, timeouts = {}, pageSize = 10_000 } = options;
  const base = `${settings.prefix}${root === "" ? "" : `${root}/`}`;
  const connection = createSwiftConnection(settings, name, timeouts);
  const put = createSwiftPut(connection, name);

  /** Of a container that is gone every object seems to be missing. */
  async function requireContainer(what: string): Promise<void> {
    const answer = await connection.call({ method: "HEAD", what });
    await discard(answer);
    if (answer.status === 204 || answer.status === 200) return;
    // Who may read objects may not always look at the container.
    if (answer.status === 403) return;
    if (answer.status !== 404) throw statusProblem(answer.status, what);
    throw new Problem("store-unavailable", `${what}: there is no container ${settings.container}`, {
      remedy: "veil makes no containers: make it, or correct its name.",
    });
  }

  async function look(key: string, what: string): Promise<ObjectInfo | undefined> {
    const answer = await connection.call({ method: "HEAD", object: `${base}${key}`, what });
    await discard(answer);
    if (answer.status === 404) {
      await requireContainer(what);
      return undefined;
    }
    const info = answer.status === 200 || answer.status === 204 ? infoOf(key, answer.headers) : undefined;
    if (info === undefined) throw statusProblem(answer.status, what);
    return info;
  }

  async function get(key: string, { version, range }: GetOptions, what: string) {
    const absent = () => new Problem("not-found", `There is no ${key} in ${name}`);
    const requireVersion = (info: ObjectInfo) => {
      if (version === undefined || version === info.version) return;
      throw otherVersion(key, name);
    };
    const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end}` };
    const answer = await connection.call({ method: "GET", object: `${base}${key}`, headers, what });
    try {
      if (answer.status === 416) {
        await discard(answer);
        const info = await look(key, what);
        if (info === undefined) throw absent();
        requireVersion(info);
        return { info, stream: Readable.from([], { objectMode: false }) };
      }
      if (answer.status === 404) {
        await discard(answer);
        await requireContainer(what);
        throw absent();
      }
      const info = answer.status === 200 || answer.status === 206 ? infoOf(key, answer.headers) : undefined;
      if (info === undefined) throw statusProblem(answer.status, what);
      requireVersion(info);
      const bytes = Number(answer.headers["content-length"]);
      return { info, stream: receivedBody(answer, { bytes, what, url: connection.address() }) };
    } catch (error) {
      answer.body.destroy();
      throw error;
    }
  }

  return {
    name,
    appearsWhole: true,

    async get(key, options = {}) {
      checkName(key);
      return await get(key, options, `Cannot read ${key} from ${name}`);
    },

    async put(key, body, options) {
      try {
        checkName(key);
        const what = `Cannot look at ${key} in ${name}`;
        const target = { key, object: `${base}${key}`, look: () => look(key, what) };
        const version = await put(target, body, options);
        const info = await look(key, what);
        if (info?.version === version) return info;
        throw new Problem("store-unavailable", `Something else was written to ${key} in ${name} meanwhile`);
      } finally {
        body.destroy();
      }
    },

    async head(key) {
      checkName(key);
      return await look(key, `Cannot look at ${key} in ${name}`);
    },

    async *list(prefix, { signal } = {}) {
      const what = `Cannot list ${name}`;
      const folder = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
      for await (const row of listContainer(connection, `${base}${folder}`, pageSize, what, signal)) {
        const key = row.name.slice(base.length);
        const isOurs = key.split("/").every((part) => !isSystemName(part) && !isTemporary(part));
        // What makes folders of a container leaves objects that stand for them.
        if (key === "" || !isOurs || row.content_type === "application/directory") continue;
        const info = infoOfRow(key, row) ?? (await look(key, what));
        if (info === undefined) continue;
        const { metadata: _, ...bare } = info;
        yield bare;
      }
    },

    async remove(key, { ifMatch } = {}) {
      checkName(key);
      const what = `Cannot remove ${key} from ${name}`;
      if (ifMatch !== undefined) {
        const there = await look(key, what);
        if (there === undefined) return;
        if (there.version !== ifMatch) throw otherVersion(key, name);
      }
      const answer = await connection.call({ method: "DELETE", object: `${base}${key}`, what });
      await discard(answer);
      if (answer.status === 404) return await requireContainer(what);
      if (answer.status !== 204 && answer.status !== 200) throw statusProblem(answer.status, what);
    },

    async close() {
      connection.close();
    },
  };
}
