import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { loadClient } from "./client.ts";
import { requireSize } from "./key.ts";
import type { S3Connection, S3Settings } from "./s3-client.ts";
import { etagOf } from "./s3-version.ts";
import type { PutOptions } from "./store.ts";

/** Up to this size an object goes in one request, with its digest, and can be sent again; larger ones go in such parts. */
const partBytes = 16 * 2 ** 20;
/** S3 takes 10,000 parts of an object. */
const mostParts = 10_000;

export interface S3Put {
  readonly object: { readonly Bucket: string; readonly Key: string };
  readonly body: Readable;
  readonly options: PutOptions;
  /** Told when it is the body that fails, and not the server. */
  readonly onBodyFault: (error: unknown) => void;
}

/**
 * Writes an object, whole or not at all; with a condition the server itself decides. Answers what was written; some servers
 * tell no ETag of an upload in parts.
 */
export async function putObject(
  { aws, client }: S3Connection,
  { conditionalWrites, encryption, kmsKey }: Pick<S3Settings, "conditionalWrites" | "encryption" | "kmsKey">,
  { object, body, options, onBodyFault }: S3Put,
): Promise<{ readonly ETag?: string | undefined; readonly size: number }> {
  const { contentType, size, ifNoneMatch, ifMatch, metadata } = options;
  const input = {
    ...{ ...object, ContentType: contentType, ...(metadata && { Metadata: { ...metadata } }) },
    ...(conditionalWrites && ifNoneMatch !== undefined && { IfNoneMatch: ifNoneMatch }),
    ...(conditionalWrites && ifMatch !== undefined && { IfMatch: etagOf(ifMatch) }),
    ...(encryption !== undefined && { ServerSideEncryption: encryption }),
    ...(kmsKey !== undefined && { SSEKMSKeyId: kmsKey }),
  };
  const { first, rest } = await firstPart(heard(body, onBodyFault));
  if (rest === undefined) {
    requireSize(object.Key, first.length, size);
    const ContentMD5 = createHash("md5").update(first).digest("base64");
    const { ETag } = await client.send(new aws.PutObjectCommand({ ...input, Body: first, ContentMD5 }));
    return { ETag, size: first.length };
  }
  const { Upload } = await loadClient("s3", "@aws-sdk/lib-storage", () => import("@aws-sdk/lib-storage"));
  let got = first.length;
  async function* whole() {
    yield first;
    for await (const chunk of rest!) {
      got += chunk.length;
      yield chunk;
    }
    try {
      requireSize(object.Key, got, size);
    } catch (error) {
      onBodyFault(error);
      throw error;
    }
  }
  const partSize = Math.max(partBytes, Math.ceil((size ?? 0) / mostParts));
  const params = { ...input, Body: Readable.from(whole(), { objectMode: false }) };
  const upload = new Upload({ client, params, partSize, queueSize: 2, leavePartsOnError: false });
  const { ETag } = await upload.done();
  return { ETag, size: got };
}

/** Reads until the body ends or a part is full; `rest` is what follows. */
async function firstPart(
  body: AsyncGenerator<Buffer>,
): Promise<{ readonly first: Buffer; readonly rest?: AsyncIterable<Buffer> }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for (let next = await body.next(); !next.done; next = await body.next()) {
    chunks.push(next.value);
    length += next.value.length;
    if (length > partBytes) return { first: Buffer.concat(chunks), rest: body };
  }
  return { first: Buffer.concat(chunks) };
}

async function* heard(body: Readable, onFault: (error: unknown) => void): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield Buffer.from(chunk);
  } catch (error) {
    onFault(error);
    throw error;
  }
}
