import { type AnnotoriousImageAnnotator, createImageAnnotator, Origin } from "@annotorious/react";
import "@annotorious/react/annotorious-react.css";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { boxOf, showRegions } from "./annotations.ts";
import classes from "./region-editor.module.css";
import type { ShownRegion } from "./region-edits.ts";
import type { RegionEditing } from "./use-region-editing.ts";

interface RegionEditorProps {
  url: string;
  regions: readonly ShownRegion[];
  selected: string | undefined;
  onSelect: (id: string | undefined) => void;
  editing: RegionEditing;
}

/** Draw, move, resize and remove regions with the pointer. What it shows always follows `regions`. */
export function RegionEditor({ url, regions, selected, onSelect, editing }: RegionEditorProps) {
  const { t } = useTranslation();
  const host = useRef<HTMLDivElement>(null);
  const [image, setImage] = useState<HTMLImageElement>();
  const [annotator, setAnnotator] = useState<AnnotoriousImageAnnotator>();
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

  // Over a masked picture (HEIC) the address changes with each edit; the drawing surface must outlive that.
  useEffect(() => {
    if (image) image.src = url;
  }, [image, url]);

  useEffect(() => {
    if (!annotator) return;
    const { store, selection } = annotator.state;
    const observe: Parameters<typeof store.observe>[0] = ({ changes }) => {
      for (const annotation of changes.created ?? []) {
        editing.draw(annotation.id, boxOf(annotation));
        // A selected region would take the next drag for itself instead of drawing another one.
        queueMicrotask(() => annotator.cancelSelected());
      }
      for (const { newValue } of changes.updated ?? []) editing.move(newValue.id, boxOf(newValue));
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
  }, [annotator, editing, onSelect]);

  useEffect(() => {
    if (annotator) showRegions(annotator, regions);
  }, [annotator, regions]);

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

  useEffect(() => {
    annotator?.element.querySelector("svg")?.setAttribute("aria-label", label);
  }, [annotator, label]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the drawing surface inside is the interactive element
    <div
      ref={host}
      className={classes.editor}
      onPointerDownCapture={(event) => {
        // So that one drag beside a selected region draws, instead of a click first and then a drag.
        const { target } = event;
        if (target instanceof Element && !target.closest(".a9s-annotation.selected")) annotator?.cancelSelected();
      }}
      onKeyDown={({ key }) => {
        if (key === "Escape") annotator?.cancelSelected();
        if ((key === "Delete" || key === "Backspace") && selected) editing.remove(selected);
      }}
    />
  );
}
