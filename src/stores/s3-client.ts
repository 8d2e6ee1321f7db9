import { readFile } from "node:fs/promises";
import type { S3Client } from "@aws-sdk/client-s3";
import { Problem } from "../errors.ts";
import { loadClient } from "./client.ts";

/** A bucket, and how it is reached. */
export interface S3Settings {
  /** Absent: AWS. */
  readonly endpoint?: string;
  readonly region: string;
  readonly bucket: string;
  /** What the names of all objects begin with. */
  readonly prefix: string;
  /** Absent: where an endpoint is named. */
  readonly pathStyle?: boolean;
  /** Absent: the platform's own chain (environment, files, instance) is asked. */
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly sessionToken?: string;
  readonly caFile?: string;
  readonly read: "direct" | "presigned";
  readonly conditionalWrites: boolean;
  readonly encryption?: "AES256" | "aws:kms";
  readonly kmsKey?: string;
}

/** How long a server is waited for. */
export interface S3Timeouts {
  readonly connectMs: number;
  /** Without an answer, or in the middle of one. */
  readonly idleMs: number;
}

export const s3Timeouts: S3Timeouts = { connectMs: 10_000, idleMs: 30_000 };

export type S3Package = typeof import("@aws-sdk/client-s3");

export interface S3Connection {
  readonly aws: S3Package;
  readonly client: S3Client;
}

/** Loads the client and makes one; nothing is asked yet. Problem: invalid-config. */
export async function connectS3(settings: S3Settings, { connectMs, idleMs }: S3Timeouts): Promise<S3Connection> {
  const { endpoint, region, accessKey, secretKey, sessionToken, caFile, pathStyle = endpoint !== undefined } = settings;
  const aws = await loadClient("s3", "@aws-sdk/client-s3", () => import("@aws-sdk/client-s3"));
  if ((accessKey === undefined) !== (secretKey === undefined)) {
    throw new Problem("invalid-config", "An S3 store needs accessKey and secretKey, or neither");
  }
  const ca = caFile === undefined ? undefined : await authoritiesIn(caFile, settings.bucket);
  const client = new aws.S3Client({
    region,
    forcePathStyle: pathStyle,
    followRegionRedirects: endpoint === undefined,
    maxAttempts: 3,
    // Newer checksums are sent in trailers that older servers take for the object's own bytes.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      // Silence alone is counted, and not how long a whole request takes: a slow line may need minutes for a part.
      ...{ connectionTimeout: connectMs, socketTimeout: idleMs },
      httpAgent: { keepAlive: true, maxSockets: 64 },
      httpsAgent: { keepAlive: true, maxSockets: 64, ...(ca !== undefined && { ca }) },
    },
    ...(endpoint !== undefined && { endpoint }),
    ...(accessKey !== undefined && {
      credentials: {
        ...{ accessKeyId: accessKey, secretAccessKey: secretKey! },
        ...(sessionToken !== undefined && { sessionToken }),
      },
    }),
  });
  return { aws, client };
}

async function authoritiesIn(path: string, bucket: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new Problem("invalid-config", `Cannot read ${path} (caFile of the bucket ${bucket}): ${cause.code}`, {
      cause,
    });
  });
}
