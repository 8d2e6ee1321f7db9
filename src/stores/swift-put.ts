import { createHash } from "node:crypto";
import { pipeline, Readable } from "node:stream";
import { Problem } from "../errors.ts";
import { discard, sentBody, withheldEnd } from "./http-body.ts";
import { statusProblem } from "./http-problem.ts";
import type { ObjectInfo, PutOptions } from "./store.ts";
import type { SwiftConnection } from "./swift-connection.ts";
import { metadataHeaders } from "./swift-object.ts";
import { createTurns } from "./turns.ts";

export interface SwiftTarget {
  readonly key: string;
  /** The key with the store's prefix. */
  readonly object: string;
  readonly look: () => Promise<ObjectInfo | undefined>;
}

export type SwiftPut = (target: SwiftTarget, body: Readable, options: PutOptions) => Promise<string>;

// So much is looked at before it is sent, so that the server can be told what it must have got.
const knownBytes = 1_048_576;
const mostBytes = 5 * 1024 ** 3;

/** Puts whole objects, whose last bytes are held back until the conditions were looked at. Answers the MD5 that the server has. */
export function createSwiftPut(connection: SwiftConnection, name: string): SwiftPut {
  const turns = createTurns();

  return async ({ key, object, look }, body, options) => {
    const { contentType, size, ifNoneMatch, ifMatch, beforeVisible, metadata = {} } = options;
    const what = `Cannot write ${key} to ${name}`;
    if (size !== undefined && size > mostBytes) {
      throw new Problem("invalid-request", `${what}: ${size} bytes are more than the 5 GiB that veil writes to Swift`);
    }
    const isConditional = ifNoneMatch !== undefined || ifMatch !== undefined;
    const requireMatch = async () => {
      if (!isConditional) return;
      if ((await look())?.version === ifMatch) return;
      throw new Problem("already-exists", `There is something else at ${key} in ${name}`);
    };
    await requireMatch();

    const md5 = createHash("md5");
    const counted = sentBody(body, key, size, (chunk) => md5.update(chunk));
    let endTurn = () => {};
    let isOver = false;
    const beforeEnd = async () => {
      await beforeVisible?.();
      if (isConditional) endTurn = await turns.take(object);
      // The server may have refused it meanwhile: nobody else would ever have a turn.
      if (isOver) endTurn();
      await requireMatch();
    };
    const { sent, known } = await begun(counted);
    const stream = pipeline(sent, withheldEnd(beforeEnd), () => {});
    const headers = {
      "content-type": contentType,
      ...metadataHeaders(metadata),
      ...(known !== undefined && { etag: md5.copy().digest("hex") }),
      ...lengthHeader(known ?? size),
      // Swift itself obeys it, Ceph does not.
      ...(ifNoneMatch !== undefined && { "if-none-match": "*" }),
    };
    try {
      const answer = await connection.call({ method: "PUT", object, headers, body: stream, what });
      await discard(answer);
      if (answer.status !== 201) {
        throw statusProblem(answer.status, what, {
          404: "store-unavailable",
          413: "store-full",
          422: "store-unavailable",
        });
      }
      const [expected, kept] = [md5.digest("hex"), answer.headers.etag?.replaceAll('"', "")];
      if (kept === expected) return expected;
      throw new Problem("store-unavailable", `${what}: the server keeps other bytes than it was sent`);
    } finally {
      isOver = true;
      endTurn();
      stream.destroy();
    }
  };
}

/** With a length of nothing the whole body would be sent before anybody is asked. */
function lengthHeader(size: number | undefined): Readonly<Record<string, string>> {
  return size === undefined || size === 0 ? {} : { "content-length": String(size) };
}

/** What comes first of a body; `known` if that is all. */
async function begun(body: Readable): Promise<{ readonly sent: Readable; readonly known?: number }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const reading = body[Symbol.asyncIterator]();
  while (bytes < knownBytes) {
    const next = await reading.next();
    if (next.done) return { sent: Readable.from(chunks, { objectMode: false }), known: bytes };
    chunks.push(next.value);
    bytes += next.value.length;
  }
  const all = async function* () {
    yield* chunks.splice(0);
    yield* { [Symbol.asyncIterator]: () => reading };
  };
  return { sent: Readable.from(all(), { objectMode: false }) };
}
