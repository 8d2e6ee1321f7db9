import type { AnnotoriousImageAnnotator } from "@annotorious/react";
import { useEffect } from "react";
import type { RegionEditing } from "./use-region-editing.ts";

/** The keys of whoever edits regions: undo, let go of, remove. They work wherever the focus is, but where text is written. */
export function useEditorKeys(
  annotator: AnnotoriousImageAnnotator | undefined,
  editing: RegionEditing,
  selected: string | undefined,
): void {
  // Annotorious's own undo knows nothing of what the list did, and listens on the document.
  useEffect(() => {
    const undo = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(event.key.toLowerCase())) return;
      event.stopImmediatePropagation();
      if (isWriting(event)) return;
      event.preventDefault();
      if (event.key === "z") editing.undo();
    };
    addEventListener("keydown", undo, true);
    return () => removeEventListener("keydown", undo, true);
  }, [editing]);

  // On the window: after a drag the focus is nowhere. What a row of the list has done already is not done twice.
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isWriting(event)) return;
      if (event.key === "Escape") annotator?.cancelSelected();
      if ((event.key !== "Delete" && event.key !== "Backspace") || !selected) return;
      event.preventDefault();
      editing.remove(selected);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [annotator, editing, selected]);
}

function isWriting({ target }: KeyboardEvent): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}
