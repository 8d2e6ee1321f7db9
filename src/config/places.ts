import { contains } from "./folders.ts";

/** Where photographs lie: a folder, or a configured store, or what lies below a path in it. */
export type Place =
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "store"; readonly store: string; readonly root: string };

const mark = "store:";

/** `store:NAME` or `store:NAME/PATH`; undefined: it does not begin so. The path has no empty, `.` or `..` segment. */
export function parseStorePlace(text: string): Extract<Place, { kind: "store" }> | "malformed" | undefined {
  if (!text.startsWith(mark)) return undefined;
  const [store = "", ...path] = text.slice(mark.length).replace(/\/$/, "").split("/");
  if (store === "" || path.some((segment) => /^\.{0,2}$/.test(segment))) return "malformed";
  return { kind: "store", store, root: path.join("/") };
}

/** Of settings that were checked. */
export function placeOf(text: string): Place {
  const place = parseStorePlace(text);
  return typeof place === "object" ? place : { kind: "folder", folder: text };
}

/** A place whatever names it: the folder, or where a store really is, and what all names in it begin with. */
export type Extent =
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "store"; readonly where: string; readonly prefix: string; readonly words: string };

/** Whether `inner` is `outer` or lies in it. */
export function isWithin(outer: Extent, inner: Extent): boolean {
  if (outer.kind === "folder") return inner.kind === "folder" && contains(outer.folder, inner.folder);
  return inner.kind === "store" && outer.where === inner.where && inner.prefix.startsWith(outer.prefix);
}
