import {
  type AnnotoriousImageAnnotator,
  type ImageAnnotation,
  Origin,
  type RectangleGeometry,
  ShapeType,
} from "@annotorious/react";
import { type Box, outline, type ShownRegion } from "./region-edits.ts";

/** How many pixels of the shown picture one of the photo's is; each side of a preview was rounded for itself. */
export interface Scale {
  readonly x: number;
  readonly y: number;
}

/** The box of what was drawn, in pixels of the photo. x, y, w and h are right during a drag; `bounds` lags one event behind. */
export function boxOf(annotation: ImageAnnotation, scale: Scale): Box {
  const { x, y, w, h } = annotation.target.selector.geometry as RectangleGeometry;
  return { x: x / scale.x, y: y / scale.y, width: w / scale.x, height: h / scale.y };
}

/** A region in Annotorious's words. */
function annotationOf(region: ShownRegion, scale: Scale): ImageAnnotation {
  const box = outline(region);
  const [x, y, w, h] = [box.x * scale.x, box.y * scale.y, box.width * scale.x, box.height * scale.y];
  const bounds = { minX: x, minY: y, maxX: x + w, maxY: y + h };
  const geometry: RectangleGeometry = { x, y, w, h, rot: 0, bounds };
  const { id } = region;
  return { id, bodies: [], target: { annotation: id, selector: { type: ShapeType.RECTANGLE, geometry } } };
}

/**
 * Makes the drawing surface show exactly these regions, touching only what differs: `setAnnotations` updates all of
 * them, and with one selected Annotorious then shows handles on every one.
 */
export function showRegions(annotator: AnnotoriousImageAnnotator, regions: readonly ShownRegion[], scale: Scale): void {
  const { store } = annotator.state;
  const ids = new Set(regions.map(({ id }) => id));
  for (const { id } of store.all()) if (!ids.has(id)) store.deleteAnnotation(id, Origin.REMOTE);
  for (const region of regions) {
    const twin = store.getAnnotation(region.id);
    if (!twin) store.addAnnotation(annotationOf(region, scale), Origin.REMOTE);
    else if (!isNear(boxOf(twin, scale), outline(region)))
      store.updateAnnotation(annotationOf(region, scale), Origin.REMOTE);
  }
}

/** Equal to a pixel. */
function isNear(a: Box, b: Box): boolean {
  return (["x", "y", "width", "height"] as const).every((side) => Math.abs(a[side] - b[side]) < 1);
}
