import type { ObjectInfo } from "./store.ts";

/** What S3 says of an object, in an answer or in a listing. */
export interface S3Head {
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly ContentLength?: number | undefined;
  /** Of the answer to a range: the whole size stands behind its slash. */
  readonly ContentRange?: string | undefined;
  readonly Size?: number | undefined;
  readonly Metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * The ETag says which bytes, the second which writing of them: the same bytes put again after others are another version.
 * A listing tells milliseconds and an answer none.
 */
export function toInfo(
  key: string,
  { ETag, LastModified, ContentLength, ContentRange, Size, Metadata }: S3Head,
): ObjectInfo {
  const seconds = Math.floor((LastModified?.getTime() ?? 0) / 1000);
  const whole = ContentRange === undefined ? undefined : Number(ContentRange.split("/")[1]);
  return {
    key,
    version: `${withoutQuotes(ETag)}@${seconds}`,
    size: whole ?? Size ?? ContentLength ?? 0,
    modifiedAt: seconds * 1000,
    ...(Metadata !== undefined && { metadata: Metadata }),
  };
}

/** Whether both are the same writing of the same bytes: there are servers that round to another second in a listing. */
export function isSameVersion(one: string, other: string): boolean {
  return etagOf(one) === etagOf(other) && Math.abs(secondOf(one) - secondOf(other)) <= 1;
}

/** When a version was written, seconds since 1970. */
export function secondOf(version: string): number {
  return Number(version.slice(version.lastIndexOf("@") + 1));
}

/** That of a version, as it goes into a condition. */
export function etagOf(version: string): string {
  return version.slice(0, version.lastIndexOf("@"));
}

export function withoutQuotes(etag: string | undefined): string {
  return (etag ?? "").replace(/^(W\/)?"|"$/g, "");
}
