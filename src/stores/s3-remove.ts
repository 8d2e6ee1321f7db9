import type { DeleteObjectCommand } from "@aws-sdk/client-s3";
import type { S3Connection, S3Settings } from "./s3-client.ts";
import { etagOf, secondOf } from "./s3-version.ts";

/**
 * Deletes an object; with `ifMatch` the server is asked to refuse, by 412, where it is another version. AWS and newer Cephs
 * compare the ETag, older Cephs the second; others heed neither, and say nothing of it.
 */
export async function removeObject(
  { aws, client }: S3Connection,
  { conditionalWrites, endpoint }: Pick<S3Settings, "conditionalWrites" | "endpoint">,
  object: { readonly Bucket: string; readonly Key: string },
  ifMatch: string | undefined,
): Promise<void> {
  const isAsked = conditionalWrites && ifMatch !== undefined;
  const command = new aws.DeleteObjectCommand({ ...object, ...(isAsked && { IfMatch: etagOf(ifMatch) }) });
  // Amazon's own has never heard of it.
  if (isAsked && endpoint !== undefined) addUnmodifiedSince(command, secondOf(ifMatch));
  await client.send(command);
}

/** Ceph's own header, which the client does not know. */
function addUnmodifiedSince(command: DeleteObjectCommand, second: number): void {
  const time = new Date(second * 1000).toISOString().slice(0, 19);
  command.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers["x-amz-delete-if-unmodified-since"] = time;
      return next(args);
    },
    { step: "build", name: "deleteIfUnmodifiedSince" },
  );
}
