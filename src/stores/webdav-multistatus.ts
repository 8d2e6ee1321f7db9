import { Problem } from "../errors.ts";
import { loadClient } from "./client.ts";

/** What a server says of one resource; what it does not say is absent. */
export interface DavResource {
  /** As it came: a percent-encoded path, or a whole address. */
  readonly href: string;
  /** HTTP status of a resource that has no properties to show, for example 403. */
  readonly status?: number;
  readonly isFolder: boolean;
  readonly size?: number;
  readonly etag?: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt?: number;
}

/** What to ask for with PROPFIND. */
export const propfindBody =
  '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>' +
  "<resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop></propfind>";

// Far more than any server needs: what exceeds it is not read on.
const mostDepth = 32;
const mostText = 16_384;

type Fields = Record<string, string>;

/**
 * The resources of a multi-status answer as they come. Nothing grows with the answer but its resources; document types,
 * and so entities, are refused. Problem: `store-unavailable` for what is no whole multi-status.
 */
export async function* readMultistatus(body: AsyncIterable<Buffer>, what: string): AsyncGenerator<DavResource> {
  const { default: sax } = await loadClient("webdav", "sax", () => import("sax"));
  const parser = sax.parser(true, { xmlns: true, strictEntities: true });
  const refuse = (why: string): never => {
    throw new Problem("store-unavailable", `${what}: the server's answer is no WebDAV that veil reads: ${why}`);
  };
  let found: DavResource[] = [];
  const way: string[] = [];
  let isMultistatus = false;
  let text = "";
  let resource: Fields = {};
  let properties: Fields = {};

  parser.onerror = (error) => refuse(error.message.split("\n")[0] ?? "no XML");
  parser.ondoctype = () => refuse("it declares a document type");
  parser.onopentag = ({ local, uri }) => {
    const name = uri === "DAV:" ? local : "";
    if (way.length === 0 && name !== "multistatus") refuse("it is no multistatus");
    if (way.length >= mostDepth) refuse("it is nested too deeply");
    way.push(name);
    isMultistatus = true;
    text = "";
    if (name === "response") resource = {};
    if (name === "propstat") properties = {};
    if (name === "collection" && way.at(-2) === "resourcetype") properties.collection = "yes";
  };
  const take = (piece: string) => {
    text += piece;
    if (text.length > mostText) refuse("it has an endless text");
  };
  parser.ontext = take;
  parser.oncdata = take;
  parser.onclosetag = () => {
    const name = way.pop() ?? "";
    const parent = way.at(-1);
    if (parent === "prop") properties[name] = text.trim();
    if (parent === "propstat" && name === "status") properties.status = text;
    if (parent === "response" && name === "propstat") {
      if (statusOf(properties.status) === 200) Object.assign(resource, { ...properties, status: resource.status });
    }
    if (parent === "response" && (name === "href" || name === "status")) resource[name] ??= text.trim();
    if (name === "response" && way.length === 1) found.push(resourceOf(resource));
    text = "";
  };

  const decoder = new TextDecoder();
  for await (const chunk of whole(body, refuse)) {
    parser.write(decoder.decode(chunk, { stream: true }));
    yield* found;
    found = [];
  }
  if (!isMultistatus || way.length > 0) refuse("it ends too early");
  parser.close();
}

async function* whole(body: AsyncIterable<Buffer>, refuse: (why: string) => never): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    refuse(`it broke off (${error instanceof Error ? error.message : error})`);
  }
}

function resourceOf({
  href = "",
  status,
  collection,
  getcontentlength,
  getetag,
  getlastmodified,
}: Fields): DavResource {
  const modifiedAt = Date.parse(getlastmodified ?? "");
  return {
    href,
    isFolder: collection !== undefined,
    ...(status !== undefined && { status: statusOf(status) }),
    ...(/^\d+$/.test(getcontentlength ?? "") && { size: Number(getcontentlength) }),
    ...(getetag !== undefined && getetag !== "" && { etag: getetag }),
    ...(!Number.isNaN(modifiedAt) && { modifiedAt }),
  };
}

function statusOf(line: string | undefined): number {
  return Number(/^HTTP\/\d(?:\.\d)? (\d{3})/.exec(line?.trim() ?? "")?.[1] ?? 0);
}
