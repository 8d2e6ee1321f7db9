import { useEffect, useRef } from "react";
import { type Box, clampBox, draw, type Edits, move, remove, type ShownRegion, type Size } from "./region-edits.ts";

/** What hands can do to a picture's regions. Boxes are cut to the picture. */
export interface RegionEditing {
  draw(id: string, box: Box): void;
  move(id: string, box: Box): void;
  remove(id: string): void;
  undo(): void;
}

/** A picture whose regions are edited. */
export interface Edited {
  /** Absent: not known yet, so that nothing can be drawn. */
  readonly size: Size | undefined;
  readonly regions: readonly ShownRegion[];
  readonly edits: Edits;
  readonly onEdit: (edits: Edits) => void;
}

/** Moves of one region closer together than this are one step for undo: a drag, or a held arrow key. */
const oneStepMs = 800;

/** The verbs for one picture, stable over renders, so that listeners outside React may hold them. */
export function useRegionEditing(edited: Edited): RegionEditing {
  const now = useRef(edited);
  useEffect(() => {
    now.current = edited;
  });
  const verbs = useRef<RegionEditing>(undefined);
  verbs.current ??= createEditing(() => now.current);
  return verbs.current;
}

function createEditing(now: () => Edited): RegionEditing {
  const past: Edits[] = [];
  let last = { step: "", at: 0 };

  function change(step: string, next: Edits) {
    const { edits, onEdit } = now();
    if (step !== last.step || Date.now() - last.at > oneStepMs) past.push(edits);
    last = { step, at: Date.now() };
    onEdit(next);
  }

  return {
    draw(id, box) {
      const { edits, size } = now();
      if (size) change(`draw ${id}`, draw(edits, id, clampBox(box, size)));
    },
    move(id, box) {
      const { edits, size, regions } = now();
      const region = regions.find((region) => region.id === id);
      if (region && size) change(`move ${id}`, move(edits, region, clampBox(box, size)));
    },
    remove(id) {
      const { edits, regions } = now();
      const region = regions.find((region) => region.id === id);
      if (region) change(`remove ${id}`, remove(edits, region));
    },
    undo() {
      const edits = past.pop();
      last = { step: "", at: 0 };
      if (edits) now().onEdit(edits);
    },
  };
}
