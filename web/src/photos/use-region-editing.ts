import { useEffect, useRef } from "react";
import type { Photo } from "./photo.ts";
import type { PhotoDesk } from "./photo-desk.ts";
import { type Box, clampBox, draw, type Edits, move, remove, type ShownRegion } from "./region-edits.ts";

/** What hands can do to a photo's regions. Boxes are cut to the picture; each call masks the photo again. */
export interface RegionEditing {
  draw(id: string, box: Box): void;
  move(id: string, box: Box): void;
  remove(id: string): void;
  undo(): void;
}

/** Moves of one region closer together than this are one step for undo: a drag, or a held arrow key. */
const oneStepMs = 800;

/** The verbs for one photo, stable over renders, so that listeners outside React may hold them. */
export function useRegionEditing(desk: PhotoDesk, photo: Photo, regions: readonly ShownRegion[]): RegionEditing {
  const now = useRef({ desk, photo, regions });
  useEffect(() => {
    now.current = { desk, photo, regions };
  });
  const verbs = useRef<RegionEditing>(undefined);
  verbs.current ??= createEditing(() => now.current);
  return verbs.current;
}

function createEditing(now: () => { desk: PhotoDesk; photo: Photo; regions: readonly ShownRegion[] }): RegionEditing {
  const past: Edits[] = [];
  let last = { step: "", at: 0 };

  function change(step: string, edits: Edits) {
    const { desk, photo } = now();
    if (step !== last.step || Date.now() - last.at > oneStepMs) past.push(photo.edits);
    last = { step, at: Date.now() };
    desk.edit(photo.id, edits);
  }

  return {
    draw(id, box) {
      const { photo } = now();
      if (photo.size) change(`draw ${id}`, draw(photo.edits, id, clampBox(box, photo.size)));
    },
    move(id, box) {
      const { photo, regions } = now();
      const region = regions.find((region) => region.id === id);
      if (region && photo.size) change(`move ${id}`, move(photo.edits, region, clampBox(box, photo.size)));
    },
    remove(id) {
      const { photo, regions } = now();
      const region = regions.find((region) => region.id === id);
      if (region) change(`remove ${id}`, remove(photo.edits, region));
    },
    undo() {
      const { desk, photo } = now();
      const edits = past.pop();
      last = { step: "", at: 0 };
      if (edits) desk.edit(photo.id, edits);
    },
  };
}
