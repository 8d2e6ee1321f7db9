import type { GetObjectCommandInput } from "@aws-sdk/client-s3";
import { loadClient } from "./client.ts";
import type { S3Connection } from "./s3-client.ts";
import type { S3Head } from "./s3-version.ts";

const expiresS = 900;

/** Reads an object by an address that is signed for it alone, as a reader without keys would. The address is a secret. */
export async function getPresigned(
  { aws, client }: S3Connection,
  { IfMatch, Range, ...object }: Pick<GetObjectCommandInput, "Bucket" | "Key" | "IfMatch" | "Range">,
): Promise<S3Head & { readonly Body?: unknown }> {
  const { getSignedUrl } = await loadClient(
    "s3",
    "@aws-sdk/s3-request-presigner",
    () => import("@aws-sdk/s3-request-presigner"),
  );
  const address = await getSignedUrl(client, new aws.GetObjectCommand(object), { expiresIn: expiresS });
  // Not by URL: that would take a `..` in a name for a way up.
  const [, scheme, host = "", path, search] = /^(https?:)\/\/([^/]+)([^?]*)\?(.*)$/.exec(address) ?? [];
  const { hostname, port } = new URL(`http://${host}`);
  const query = Object.fromEntries(new URLSearchParams(search));
  const { response } = await client.config.requestHandler.handle({
    ...{ method: "GET", protocol: scheme, hostname, path, query },
    ...(port !== "" && { port: Number(port) }),
    headers: { host, ...(IfMatch && { "if-match": IfMatch }), ...(Range && { range: Range }) },
  } as never);
  const { statusCode, headers, body } = response;
  if (statusCode >= 300) {
    body?.destroy?.();
    throw Object.assign(new Error("the signed address was refused"), { $metadata: { httpStatusCode: statusCode } });
  }
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith(metaMark));
  return {
    ...{ Body: body, ETag: headers.etag, LastModified: new Date(headers["last-modified"] ?? 0) },
    ...{ ContentLength: Number(headers["content-length"]), ContentRange: headers["content-range"] },
    Metadata: Object.fromEntries(metadata.map(([name, value]) => [name.slice(metaMark.length), String(value)])),
  };
}

const metaMark = "x-amz-meta-";
