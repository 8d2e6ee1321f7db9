import { useSyncExternalStore } from "react";
import type { Role } from "../api/session.ts";

export type View = "photos" | "folder";

/** The address's fragment says which view is open, so that it survives a reload and the back button works. */
export const viewLinks: Record<View, string> = { photos: "#/", folder: "#/folder" };

const reviews = `${viewLinks.folder}/review/`;

/** The address at which a held picture is decided on: the folder's view stays below it. */
export function reviewLink(id: string): string {
  return `${reviews}${encodeURIComponent(id)}`;
}

/** What whoever has these roles can do something with. */
export function viewsFor(roles: readonly Role[]): readonly View[] {
  return [
    ...(roles.includes("submit") ? (["photos"] as const) : []),
    ...(roles.includes("read") ? (["folder"] as const) : []),
  ];
}

/** The view that the address names. */
export function useView(): View {
  return useSyncExternalStore(listen, () => (location.hash.startsWith(viewLinks.folder) ? "folder" : "photos"));
}

/** The id of the job that the address asks to decide on. */
export function useReviewed(): string | undefined {
  return useSyncExternalStore(listen, () => {
    const { hash } = location;
    return hash.startsWith(reviews) && hash.length > reviews.length ? decoded(hash.slice(reviews.length)) : undefined;
  });
}

/** As it was typed where it is no escape: nothing has such an id. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function listen(changed: () => void) {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}
