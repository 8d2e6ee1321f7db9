import { createHash, randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import type { BlobRequestConditions, BlockBlobClient } from "@azure/storage-blob";
import type { AzureConnection } from "./azure-client.ts";
import { toAzure } from "./azure-metadata.ts";
import { requireSize } from "./key.ts";
import type { PutOptions } from "./store.ts";

export interface Written {
  readonly etag?: string | undefined;
  readonly lastModified?: Date | undefined;
  readonly size: number;
}

const blockBytes = 4 * 1024 * 1024;

/** Sends a body, in one go or block by block, and has the server look at the conditions when it is all there. */
export async function putBlob(
  { patiently }: AzureConnection,
  blob: BlockBlobClient,
  key: string,
  body: Readable,
  { contentType, size, ifNoneMatch, ifMatch, beforeVisible, metadata = {} }: PutOptions,
): Promise<Written> {
  const conditions: BlobRequestConditions = {
    ...(ifNoneMatch !== undefined && { ifNoneMatch }),
    ...(ifMatch !== undefined && { ifMatch: `"${ifMatch}"` }),
  };
  const whole = createHash("md5");
  // Ids of its own: another put's blocks at the same place are not taken for these.
  const put = randomUUID();
  const ids: string[] = [];
  let sent = 0;
  let last: Buffer = Buffer.alloc(0);
  for await (const block of blocksOf(body)) {
    sent += block.length;
    whole.update(block);
    if (size !== undefined && sent > size) requireSize(key, sent, size);
    if (block.length < blockBytes) {
      last = block;
      break;
    }
    ids.push(await stage(block));
  }
  requireSize(key, sent, size);
  if (last.length > 0 && ids.length > 0) ids.push(await stage(last));
  await beforeVisible?.();

  const blobHTTPHeaders = { blobContentType: contentType, blobContentMD5: whole.digest() };
  const options = { conditions, metadata: toAzure(metadata), blobHTTPHeaders };
  if (ids.length > 0) {
    const answer = await patiently((abortSignal) => blob.commitBlockList(ids, { ...options, abortSignal }));
    return { etag: answer.etag, lastModified: answer.lastModified, size: sent };
  }
  const answer = await patiently((abortSignal, onProgress) =>
    blob.upload(last, last.length, { ...options, abortSignal, onProgress }),
  );
  return { etag: answer.etag, lastModified: answer.lastModified, size: sent };

  async function stage(block: Buffer): Promise<string> {
    const id = Buffer.from(`${put}-${String(ids.length).padStart(6, "0")}`).toString("base64");
    const transactionalContentMD5 = createHash("md5").update(block).digest();
    await patiently((abortSignal, onProgress) =>
      blob.stageBlock(id, block, block.length, { transactionalContentMD5, abortSignal, onProgress }),
    );
    return id;
  }
}

/** Pieces of one size, the last one smaller, or empty. */
async function* blocksOf(body: Readable): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  // Or a body that is not wanted any more would say that it has failed.
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    let rest = Buffer.from(chunk);
    while (bytes + rest.length >= blockBytes) {
      const piece = rest.subarray(0, blockBytes - bytes);
      yield Buffer.concat([...chunks, piece]);
      rest = rest.subarray(piece.length);
      chunks = [];
      bytes = 0;
    }
    if (rest.length > 0) chunks.push(rest);
    bytes += rest.length;
  }
  yield Buffer.concat(chunks);
}
