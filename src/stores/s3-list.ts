import type { ListObjectsV2CommandOutput } from "@aws-sdk/client-s3";
import { Problem } from "../errors.ts";
import { retryPage } from "./retry-page.ts";
import type { S3Connection } from "./s3-client.ts";
import { s3Problem } from "./s3-problem.ts";

export interface Listing {
  readonly bucket: string;
  readonly prefix: string;
  /** The store's, for people. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

const pageRestsMs = [500, 2_000, 8_000];

/** Every object whose name begins so, page by page: one that fails is asked for again, and the listing goes on from there. */
export async function* listBucket({ aws, client }: S3Connection, { bucket, prefix, name, signal }: Listing) {
  let token: string | undefined;
  do {
    const command = new aws.ListObjectsV2Command({
      // XML can't hold every character of a name.
      ...{ Bucket: bucket, Prefix: prefix, EncodingType: "url" },
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const ask = () =>
      client.send(command, { ...(signal && { abortSignal: signal }) }).catch((error: unknown) => {
        throw s3Problem(error, `Cannot list ${name}`);
      });
    const page: ListObjectsV2CommandOutput = await retryPage(ask, { restsMs: pageRestsMs, signal });
    const isEncoded = page.EncodingType === "url";
    for (const object of page.Contents ?? []) {
      if (object.Key !== undefined) yield { ...object, key: isEncoded ? decoded(object.Key) : object.Key };
    }
    const next = page.IsTruncated ? page.NextContinuationToken : undefined;
    if (page.IsTruncated && (next === undefined || next === token)) {
      // Or all that is not told would seem to be gone.
      throw new Problem("store-unavailable", `The server of ${name} lists a part of ${bucket}, and not how to go on`, {
        remedy: "veil needs a server that knows ListObjectsV2.",
      });
    }
    token = next;
  } while (token !== undefined);
}

/** Uploads in parts that were begun so long ago and neither ended nor given up. */
export async function* abandonedUploads(
  { aws, client }: S3Connection,
  { bucket, prefix, signal, olderThanMs }: Omit<Listing, "name"> & { readonly olderThanMs: number },
) {
  let after: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (after !== undefined) {
    const page: import("@aws-sdk/client-s3").ListMultipartUploadsCommandOutput = await client.send(
      new aws.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...after }),
      { ...(signal && { abortSignal: signal }) },
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined || Initiated === undefined) continue;
      if (Initiated.getTime() < Date.now() - olderThanMs) yield { Key, UploadId };
    }
    const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
    after =
      IsTruncated && NextKeyMarker !== undefined
        ? { KeyMarker: NextKeyMarker, ...(NextUploadIdMarker !== undefined && { UploadIdMarker: NextUploadIdMarker }) }
        : undefined;
  }
}

function decoded(key: string): string {
  return decodeURIComponent(key.replaceAll("+", " "));
}
