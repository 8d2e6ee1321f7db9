import { Problem } from "../errors.ts";
import { discard } from "./http-body.ts";
import type { HttpAnswer } from "./http-client.ts";
import { statusProblem } from "./http-problem.ts";
import type { ObjectInfo } from "./store.ts";
import type { WebdavConnection } from "./webdav-connection.ts";
import { type DavResource, propfindBody, readMultistatus } from "./webdav-multistatus.ts";

export type Found = { readonly kind: "folder" } | { readonly kind: "object"; readonly info: ObjectInfo; etag?: string };

const xml = { "content-type": "application/xml; charset=utf-8" };

/** Asks for the properties of a resource, and with depth 1 of what lies in it. */
export async function propfind(
  connection: WebdavConnection,
  path: string,
  depth: 0 | 1,
  what: string,
  signal?: AbortSignal,
): Promise<HttpAnswer> {
  const headers = { ...xml, depth: String(depth) };
  return await connection.call({ method: "PROPFIND", path, headers, body: propfindBody, what, signal });
}

/** What is there now; undefined for nothing. */
export async function look(connection: WebdavConnection, key: string, what: string): Promise<Found | undefined> {
  const answer = await propfind(connection, key, 0, what);
  if (answer.status !== 207) {
    await discard(answer);
    // Of a folder's address without its slash.
    if (answer.status >= 300 && answer.status < 400) return { kind: "folder" };
    if (answer.status === 404) return undefined;
    // Apache's word for what would lie in an object.
    const parent = key.slice(0, Math.max(0, key.lastIndexOf("/")));
    if (answer.status === 400 && parent !== "" && (await look(connection, parent, what))?.kind !== "folder")
      return undefined;
    throw statusProblem(answer.status, what);
  }
  const resources = await Array.fromAsync(readMultistatus(answer.body, what));
  const resource = resources[0];
  if (resource === undefined || resource.status === 404) return undefined;
  if (resource.status !== undefined && resource.status > 299) throw statusProblem(resource.status, what);
  if (resource.isFolder) return { kind: "folder" };
  const info = infoOf(key, resource);
  if (info === undefined) throw new Problem("store-unavailable", `${what}: the server does not say how large it is`);
  return { kind: "object", info, ...(resource.etag !== undefined && { etag: resource.etag }) };
}

/** Problem: `store-unavailable` where the store's own folder is away: then nothing in it seems to be there. */
export async function requireRoot(connection: WebdavConnection, what: string): Promise<void> {
  if ((await look(connection, "", what))?.kind === "folder") return;
  throw new Problem("store-unavailable", `${what}: there is no folder ${connection.rootPath}`, {
    remedy: "Make the folder, or correct url: veil never makes a store's own folder.",
  });
}

/** Undefined where the server tells no size. */
export function infoOf(
  key: string,
  { size, etag, modifiedAt = 0 }: Omit<DavResource, "href" | "isFolder">,
): ObjectInfo | undefined {
  return size === undefined ? undefined : { key, size, modifiedAt, version: versionOf(size, modifiedAt, etag) };
}

/**
 * Servers call the tag of what was written a moment ago weak, and the same tag strong a second later: it counts without
 * that mark, and size and time beside it.
 */
function versionOf(size: number, modifiedAt: number, etag = ""): string {
  return `${etag.replace(/^W\//, "").replaceAll('"', "")}/${size}/${modifiedAt}`;
}

/** Whether two answers tell of the same object, where the one may have left out its tag. */
export function isSame(one: ObjectInfo, other: ObjectInfo): boolean {
  if (one.version === other.version) return true;
  const isTagged = [one, other].every(({ version }) => !version.startsWith("/"));
  return !isTagged && one.size === other.size && one.modifiedAt === other.modifiedAt;
}

/** What the headers of an answer to GET say of the whole object; undefined where they leave something open. */
export function infoOfHeaders(key: string, { status, headers }: HttpAnswer): ObjectInfo | undefined {
  const length = status === 206 ? /\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1] : headers["content-length"];
  const modifiedAt = Date.parse(headers["last-modified"] ?? "");
  if (length === undefined || Number.isNaN(modifiedAt)) return undefined;
  return infoOf(key, { size: Number(length), modifiedAt, ...(headers.etag !== undefined && { etag: headers.etag }) });
}

/** Whether a tag is one that conditions go by. */
export function isStrong(etag: string | undefined): etag is string {
  return etag?.startsWith('"') === true;
}
