import { type AnnotoriousImageAnnotator, createImageAnnotator, Origin } from "@annotorious/react";
import "@annotorious/react/annotorious-react.css";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { boxOf, showRegions } from "./annotations.ts";
import classes from "./region-editor.module.css";
import type { ShownRegion, Size } from "./region-edits.ts";
import type { RegionEditing } from "./use-region-editing.ts";

interface RegionEditorProps {
  url: string;
  /** Of the photo; what is shown may be a smaller preview. */
  size: Size;
  /** Whether the masks below the regions are those of before. */
  pending: boolean;
  regions: readonly ShownRegion[];
  selected: string | undefined;
  onSelect: (id: string | undefined) => void;
  editing: RegionEditing;
}

/** Draw, move, resize and remove regions with the pointer. What it shows always follows `regions`. */
export function RegionEditor({ url, size, pending, regions, selected, onSelect, editing }: RegionEditorProps) {
  const { t } = useTranslation();
  const host = useRef<HTMLDivElement>(null);
  const [image, setImage] = useState<HTMLImageElement>();
  const [annotator, setAnnotator] = useState<AnnotoriousImageAnnotator>();
  // Of the picture as it was first shown; while another one loads it has no width.
  const [shownWidth, setShownWidth] = useState(0);
  const scale = shownWidth / size.width;
  const label = t("regions.hint");

  // Annotorious moves the image into a box of its own, so React must not own that image.
  useEffect(() => {
    const element = new Image();
    element.alt = "";
    element.style.display = "block";
    host.current!.append(element);
    let created: AnnotoriousImageAnnotator | undefined;
    const start = () => {
      created = createImageAnnotator(element, { drawingEnabled: true, theme: "light" });
      setShownWidth(element.naturalWidth);
      setAnnotator(created);
    };
    element.addEventListener("load", start, { once: true });
    setImage(element);
    return () => {
      element.removeEventListener("load", start);
      created?.destroy();
      element.remove();
      setAnnotator(undefined);
    };
  }, []);

  // Over the masked picture the address changes with each edit; the drawing surface must outlive that.
  useEffect(() => {
    if (!image) return;
    let wanted = true;
    const next = new Image();
    next.src = url;
    // Swapped once it is decoded: meanwhile the picture would be gone, and Annotorious would measure nothing.
    const swap = () => {
      if (wanted) image.src = url;
    };
    next.decode().then(swap, swap);
    return () => {
      wanted = false;
    };
  }, [image, url]);

  useEffect(() => {
    if (!annotator) return;
    const { store, selection } = annotator.state;
    const observe: Parameters<typeof store.observe>[0] = ({ changes }) => {
      for (const annotation of changes.created ?? []) {
        editing.draw(annotation.id, boxOf(annotation, scale));
        // So that the next key is about it. A drag that begins elsewhere draws another one all the same.
        onSelect(annotation.id);
      }
      for (const { newValue } of changes.updated ?? []) editing.move(newValue.id, boxOf(newValue, scale));
      for (const { id } of changes.deleted ?? []) editing.remove(id);
    };
    store.observe(observe, { origin: Origin.LOCAL });
    const unsubscribe = selection.subscribe((state: Pick<typeof selection, "selected">) =>
      onSelect(state.selected[0]?.id),
    );
    return () => {
      store.unobserve(observe);
      unsubscribe();
    };
  }, [annotator, scale, editing, onSelect]);

  useEffect(() => {
    if (annotator) showRegions(annotator, regions, scale);
  }, [annotator, regions, scale]);

  useEffect(() => {
    if (annotator && annotator.getSelected()[0]?.id !== selected) annotator.setSelected(selected);
  }, [annotator, selected]);

  // Annotorious's own undo knows nothing of what the list did, and listens on the document.
  useEffect(() => {
    const undo = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(event.key.toLowerCase())) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.key === "z") editing.undo();
    };
    addEventListener("keydown", undo, true);
    return () => removeEventListener("keydown", undo, true);
  }, [editing]);

  // On the window: after a drag the focus is nowhere. What a row of the list has done already is not done twice.
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.target instanceof HTMLInputElement) return;
      if (event.key === "Escape") annotator?.cancelSelected();
      if ((event.key !== "Delete" && event.key !== "Backspace") || !selected) return;
      event.preventDefault();
      editing.remove(selected);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [annotator, editing, selected]);

  useEffect(() => {
    annotator?.element.querySelector("svg")?.setAttribute("aria-label", label);
  }, [annotator, label]);

  return (
    <div
      ref={host}
      className={classes.editor}
      data-pending={pending || undefined}
      onPointerDownCapture={(event) => {
        // So that one drag beside a selected region draws, instead of a click first and then a drag.
        const { target } = event;
        if (target instanceof Element && !target.closest(".a9s-annotation.selected")) annotator?.cancelSelected();
      }}
    />
  );
}
