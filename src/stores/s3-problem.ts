import { Problem, type ProblemCode } from "../errors.ts";

interface Meaning {
  readonly code: ProblemCode;
  readonly remedy?: string;
}

const keys = "Check accessKey and secretKey, and what they are allowed to do: docs/storage/s3.md lists it.";

/** What S3's own error codes mean; the rest goes by status. */
const byName: Readonly<Record<string, Meaning>> = {
  NoSuchKey: { code: "not-found" },
  NoSuchVersion: { code: "not-found" },
  NoSuchBucket: { code: "store-unavailable", remedy: "veil makes no buckets: make it, or correct its name." },
  AccessDenied: { code: "store-denied", remedy: keys },
  InvalidAccessKeyId: { code: "store-denied", remedy: keys },
  SignatureDoesNotMatch: { code: "store-denied", remedy: keys },
  ExpiredToken: { code: "store-denied", remedy: "The temporary keys are over: give new ones." },
  CredentialsProviderError: {
    code: "store-denied",
    remedy: "There are no keys: set accessKey and secretKey, or give this machine a role.",
  },
  RequestTimeTooSkewed: { code: "store-denied", remedy: "Set this machine's clock, or the server's: they differ." },
  InvalidObjectState: { code: "store-denied", remedy: "The object is archived: restore it first." },
  QuotaExceeded: { code: "store-full", remedy: "Raise the quota, or make room." },
  XMinioStorageFull: { code: "store-full", remedy: "Make room on the server." },
  InsufficientStorage: { code: "store-full", remedy: "Make room on the server." },
  KeyTooLongError: { code: "invalid-request", remedy: "S3 allows 1024 bytes for a name." },
  EntityTooLarge: { code: "invalid-request", remedy: "The server takes no object of that size." },
  PreconditionFailed: { code: "already-exists" },
  NotImplemented: {
    code: "invalid-config",
    remedy: "Does the server know conditional writes? If not: conditionalWrites: false.",
  },
  PermanentRedirect: { code: "store-unavailable", remedy: "The bucket is in another region: correct region." },
  AuthorizationHeaderMalformed: { code: "store-unavailable", remedy: "Correct region." },
  SlowDown: { code: "store-unavailable", remedy: "The server asks for fewer requests; it is tried again." },
};

const away = "Check that the server runs, and that endpoint is its address.";
const certificate = "Check the server's certificate; caFile names the authorities that it may come from.";

/** An error of the client as a Problem: what was tried, at which store and key, and what the server said to it. */
export function s3Problem(error: unknown, what: string): unknown {
  if (error instanceof Problem || !(error instanceof Error)) return error;
  const { name, $metadata, Code, code } = error as S3Error;
  const word = byName[name] === undefined && Code !== undefined ? Code : name;
  const status = $metadata?.httpStatusCode;
  const { code: meant, remedy } = byName[word] ?? byStatus(status) ?? byCause(code ?? word);
  const isNamed = word !== "Error" && word !== "UnknownError" && !/^\d+$/.test(word);
  const said = [isNamed ? word : undefined, status === undefined ? code : `status ${status}`].filter(
    (part) => part !== undefined && part !== "",
  );
  return new Problem(meant, `${what}: ${said.length > 0 ? said.join(", ") : "no answer"}`, {
    ...(remedy !== undefined && { remedy }),
    cause: error,
  });
}

/** Whether the server said that nothing is there. */
export function isAbsent(error: unknown): boolean {
  const { name, $metadata } = error as S3Error;
  return name === "NotFound" || name === "NoSuchKey" || ($metadata?.httpStatusCode === 404 && name !== "NoSuchBucket");
}

export function statusOf(error: unknown): number | undefined {
  return (error as S3Error).$metadata?.httpStatusCode;
}

interface S3Error extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly Code?: string;
  readonly code?: string;
}

function byStatus(status: number | undefined): Meaning | undefined {
  if (status === 401 || status === 403) return { code: "store-denied", remedy: keys };
  if (status === 404) return { code: "not-found" };
  if (status === 507) return { code: "store-full", remedy: "Make room on the server." };
  if (status === 429 || (status !== undefined && status >= 500)) return { code: "store-unavailable" };
  return undefined;
}

function byCause(code: string): Meaning {
  if (/CERT|TLS|SSL|SELF_SIGNED|ISSUER/.test(code)) return { code: "store-unavailable", remedy: certificate };
  if (/^(ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|TimeoutError)$/.test(code))
    return { code: "store-unavailable", remedy: away };
  return { code: "store-unavailable" };
}
