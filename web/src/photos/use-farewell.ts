import { useEffect } from "react";
import type { Photo } from "./photo.ts";
import { isEdited } from "./region-edits.ts";

/** Has the browser ask before the page is left while regions drawn by hand would be lost. */
export function useFarewell(photos: readonly Photo[]): void {
  const wouldLose = photos.some(({ edits }) => isEdited(edits));
  useEffect(() => {
    if (!wouldLose) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [wouldLose]);
}
