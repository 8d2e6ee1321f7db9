import { pipeline, type Readable } from "node:stream";
import { Problem } from "../errors.ts";
import { discard, sentBody, withheldEnd } from "./http-body.ts";
import { statusProblem } from "./http-problem.ts";
import type { ObjectInfo, PutOptions } from "./store.ts";
import type { WebdavConnection } from "./webdav-connection.ts";
import { look } from "./webdav-look.ts";

export interface Upload extends Pick<PutOptions, "contentType" | "size" | "attributes"> {
  readonly path: string;
  readonly body: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  /** Asked before the body's last bytes are sent: what it throws ends the upload, and the server has only a part. */
  readonly beforeEnd?: () => Promise<void>;
  readonly what: string;
}

/** Sends a body and makes sure that the server keeps all of it. Answers the status of a refusal, else what is there now. */
export async function upload(connection: WebdavConnection, upload: Upload): Promise<ObjectInfo | number> {
  const { path, body, contentType, size, attributes, beforeEnd, what } = upload;
  let bytes = 0;
  const counted = sentBody(body, what, size, (chunk) => {
    bytes += chunk.length;
  });
  const sent = beforeEnd === undefined ? counted : pipeline(counted, withheldEnd(beforeEnd), () => {});
  const headers: Record<string, string> = { "content-type": contentType, ...upload.headers };
  // With a length of nothing the whole body would be sent before anybody is asked.
  if (size !== undefined && size > 0) headers["content-length"] = String(size);
  // Nextcloud and ownCloud keep it.
  if (attributes?.modifiedAt !== undefined) headers["x-oc-mtime"] = String(Math.floor(attributes.modifiedAt / 1000));
  try {
    const answer = await connection.call({ method: "PUT", path, headers, body: sent, what });
    await discard(answer);
    if (answer.status < 200 || answer.status > 299) return answer.status;
  } finally {
    sent.destroy();
  }
  const written = await look(connection, path, what);
  if (written?.kind === "object" && written.info.size === bytes) return written.info;
  throw new Problem("store-unavailable", `${what}: the server did not keep the ${bytes} bytes that it was sent`);
}

/** Of a refused upload. */
export function uploadProblem(status: number, what: string): Problem {
  return statusProblem(status, what, { 404: "store-unavailable", 413: "invalid-request" });
}
