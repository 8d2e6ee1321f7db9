import { Readable } from "node:stream";
import { discard, receivedBody } from "./http-body.ts";
import type { HttpAnswer } from "./http-client.ts";
import { statusProblem } from "./http-problem.ts";
import { otherVersion } from "./other-version.ts";
import type { GetOptions, ObjectInfo } from "./store.ts";
import type { WebdavConnection } from "./webdav-connection.ts";
import { infoOfHeaders, look, requireRoot } from "./webdav-look.ts";
import { absent } from "./webdav-problem.ts";

/** An object's bytes, and what the server says of it in the same answer. */
export async function readObject(
  connection: WebdavConnection,
  name: string,
  key: string,
  { version, range }: GetOptions,
): Promise<{ readonly info: ObjectInfo; readonly stream: Readable }> {
  const what = `Cannot read ${key} from ${name}`;

  async function looked(): Promise<ObjectInfo> {
    const found = await look(connection, key, what);
    if (found?.kind !== "object") {
      await requireRoot(connection, what);
      throw absent(key, name);
    }
    if (version !== undefined && found.info.version !== version) throw otherVersion(key, name);
    return found.info;
  }

  /**
   * Apache tells the size of what it has found, and then opens what is there: another one by then, of which so many bytes
   * come.
   */
  async function stillThere(before: ObjectInfo): Promise<void> {
    const found = await look(connection, key, what);
    const now = found?.kind === "object" ? found.info : undefined;
    const isSameTime = now?.modifiedAt === before.modifiedAt || now?.modifiedAt === 0;
    // Where none was asked for, the answer may have told less than is told of properties.
    const isSame = version === undefined ? now?.size === before.size && isSameTime : now?.version === version;
    if (!isSame) throw otherVersion(key, name);
  }

  const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end}` };
  const answer = await connection.call({ method: "GET", path: key, headers, what });
  try {
    if (answer.status === 416) {
      await discard(answer);
      return { info: await looked(), stream: Readable.from([]) };
    }
    if (answer.status !== 200 && answer.status !== 206) {
      await discard(answer);
      // Servers have many ways to say that a folder, or what would lie in an object, can't be read.
      if (answer.status !== 401) await looked();
      throw statusProblem(answer.status, what);
    }
    const told = infoOfHeaders(key, answer);
    // Some servers say more, or other things, of an object than with its bytes.
    const isEnough = told !== undefined && (version === undefined || told.version === version);
    const info = isEnough ? told : await looked();
    const bytes = bytesOf(answer) ?? info.size;
    const stream = receivedBody(answer, { bytes, what, url: connection.addressOf(key), atEnd: () => stillThere(info) });
    const isWhole = answer.status === 200 && range !== undefined;
    return {
      info,
      stream: isWhole ? Readable.from(cut(stream, range.start, range.end + 1), { objectMode: false }) : stream,
    };
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
}

function bytesOf({ status, headers }: HttpAnswer): number | undefined {
  const [, start, end] = /^bytes (\d+)-(\d+)\//.exec(headers["content-range"] ?? "") ?? [];
  if (status === 206 && end !== undefined) return Number(end) - Number(start) + 1;
  return headers["content-length"] === undefined ? undefined : Number(headers["content-length"]);
}

/** For servers without ranges. */
async function* cut(stream: Readable, start: number, end: number): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const piece = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at));
    if (piece.length > 0) yield piece;
    at += chunk.length;
    if (at >= end) return;
  }
}
