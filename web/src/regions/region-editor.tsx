import { type AnnotoriousImageAnnotator, createImageAnnotator, Origin } from "@annotorious/react";
import "@annotorious/react/annotorious-react.css";
import { useEffect, useMemo, useRef, useState } from "react";
import { boxOf, type Scale, showRegions } from "./annotations.ts";
import classes from "./region-editor.module.css";
import type { ShownRegion, Size } from "./region-edits.ts";
import { useEditorKeys } from "./use-editor-keys.ts";
import type { RegionEditing } from "./use-region-editing.ts";

interface RegionEditorProps {
  url: string;
  /** What can be done here, for whoever does not see it. */
  label: string;
  /** Of the photo; what is shown may be a smaller preview. */
  size: Size;
  /** Whether the masks below the regions are those of before. */
  pending?: boolean;
  /** Whether a drag is the page's, which it scrolls, instead of drawing. */
  still?: boolean;
  /** Whether the regions' outlines are drawn by somebody else, over this. */
  bare?: boolean;
  regions: readonly ShownRegion[];
  selected: string | undefined;
  onSelect: (id: string | undefined) => void;
  editing: RegionEditing;
}

/** Draw, move, resize and remove regions with the pointer. What it shows always follows `regions`. */
export function RegionEditor(props: RegionEditorProps) {
  const {
    url,
    label,
    size,
    pending = false,
    still = false,
    bare = false,
    regions,
    selected,
    onSelect,
    editing,
  } = props;
  const host = useRef<HTMLDivElement>(null);
  const [image, setImage] = useState<HTMLImageElement>();
  const [annotator, setAnnotator] = useState<AnnotoriousImageAnnotator>();
  // Of the picture as it was first shown; while another one loads it has no size.
  const [shown, setShown] = useState<Size>({ width: 0, height: 0 });
  const [x, y] = [shown.width / size.width, shown.height / size.height];
  const scale = useMemo<Scale>(() => ({ x, y }), [x, y]);

  // Annotorious moves the image into a box of its own, so React must not own that image.
  useEffect(() => {
    const element = new Image();
    element.alt = "";
    element.style.display = "block";
    host.current!.append(element);
    let created: AnnotoriousImageAnnotator | undefined;
    const start = () => {
      created = createImageAnnotator(element, { drawingEnabled: true, theme: "light" });
      setShown({ width: element.naturalWidth, height: element.naturalHeight });
      setAnnotator(created);
    };
    element.addEventListener("load", start, { once: true });
    setImage(element);
    return () => {
      element.removeEventListener("load", start);
      created?.destroy();
      element.remove();
      // What it shows may be an original: it goes now, and not when somebody tidies up.
      element.removeAttribute("src");
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

  useEditorKeys(annotator, editing, selected);

  // Its handles are buttons without a name that no key does anything with: the list's rows are there for keys.
  useEffect(() => {
    const layer = annotator?.element.querySelector("svg");
    if (!layer) return;
    const quieten = () => {
      for (const handle of layer.querySelectorAll("[role=button]")) {
        handle.removeAttribute("role");
        handle.setAttribute("tabindex", "-1");
      }
    };
    const observer = new MutationObserver(quieten);
    observer.observe(layer, { childList: true, subtree: true });
    return () => observer.disconnect();
  }, [annotator]);

  useEffect(() => annotator?.setDrawingEnabled(!still), [annotator, still]);

  useEffect(() => {
    annotator?.element.querySelector("svg")?.setAttribute("aria-label", label);
  }, [annotator, label]);

  return (
    <div
      ref={host}
      className={classes.editor}
      data-pending={pending || undefined}
      data-still={still || undefined}
      data-bare={bare || undefined}
      onPointerDownCapture={(event) => {
        // So that one drag beside a selected region draws, instead of a click first and then a drag.
        const { target } = event;
        if (target instanceof Element && !target.closest(".a9s-annotation.selected")) annotator?.cancelSelected();
      }}
    />
  );
}
