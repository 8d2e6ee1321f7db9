import type { IncomingHttpHeaders } from "node:http";
import type { Metadata, ObjectInfo } from "./store.ts";

/** Of no bytes: what servers say of objects that lie in pieces elsewhere. */
export const emptyHash = "d41d8cd98f00b204e9800998ecf8427e";

const metaPrefix = "x-object-meta-";
const secondsPattern = /^(\d+)(?:\.(\d{1,3}))?/;

/** Header lines for what is put beside an object. */
export function metadataHeaders(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`${metaPrefix}${name}`, value]));
}

/** What the answer to a look or a read says of the whole object; undefined where it is no object's answer. */
export function infoOf(key: string, headers: IncomingHttpHeaders): ObjectInfo | undefined {
  const length = /\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1] ?? headers["content-length"];
  const hash = headers.etag?.replaceAll('"', "");
  if (length === undefined || hash === undefined) return undefined;
  const [, seconds, fraction = ""] = secondsPattern.exec(String(headers["x-timestamp"] ?? "")) ?? [];
  const written = Number(seconds) * 1000 + Number(fraction.padEnd(3, "0"));
  const modifiedAt = seconds === undefined ? Date.parse(headers["last-modified"] ?? "") : written;
  const metadata = Object.entries(headers).flatMap(([name, value]) => {
    const isOurs = name.startsWith(metaPrefix) && name !== `${metaPrefix}static-large-object`;
    return isOurs ? [[name.slice(metaPrefix.length), String(value)] as const] : [];
  });
  return { ...versioned(key, hash, Number(length), modifiedAt), metadata: Object.fromEntries(metadata) };
}

/** One row of a listing. */
export interface Row {
  readonly name: string;
  readonly hash: string;
  readonly bytes: number;
  readonly last_modified: string;
  readonly content_type?: string;
  readonly slo_etag?: string;
}

/** Undefined where only a look tells what it is: in a listing, objects in pieces may be as large as the list of them. */
export function infoOfRow(key: string, { hash, bytes, last_modified, slo_etag }: Row): ObjectInfo | undefined {
  // Without a zone, it is UTC.
  const [whole = "", fraction = ""] = last_modified.replace(/Z$/, "").split(".");
  const modifiedAt = Date.parse(`${whole}Z`) + Number(fraction.slice(0, 3).padEnd(3, "0"));
  if (slo_etag !== undefined) return versioned(key, slo_etag.replaceAll('"', ""), bytes, modifiedAt);
  return hash === emptyHash ? undefined : versioned(key, hash, bytes, modifiedAt);
}

/** The hash alone tells versions apart, unless it is not that of these bytes. */
function versioned(key: string, hash: string, size: number, modifiedAt: number): ObjectInfo {
  const isOdd = hash === emptyHash && size > 0;
  return { key, version: isOdd ? `${hash}/${modifiedAt}` : hash, size, modifiedAt };
}
