import { useSyncExternalStore } from "react";
import type { Role } from "../api/session.ts";

export type View = "photos" | "folder";

/** The address's fragment says which view is open, so that it survives a reload and the back button works. */
export const viewLinks: Record<View, string> = { photos: "#/", folder: "#/folder" };

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

function listen(changed: () => void) {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}
