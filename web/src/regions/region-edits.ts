import type { GivenBox, RegionBody, ReviewRegion } from "../../../src/http/schema.ts";

export type Box = RegionBody["box"];

/** Upright, in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What the page shows as one region: a detection (of an animation: the same place in several frames), or a drawing. */
export interface ShownRegion {
  readonly id: string;
  readonly boxes: readonly GivenBox[];
  readonly score: number;
  readonly drawn: boolean;
  /** Where two looks were compared: which one found it. */
  readonly look?: ReviewRegion["look"];
  /** Frames of an animation that are not shown, and the region in these alone: it can be removed, else it stays as it is. */
  readonly frames?: readonly number[];
}

/** A detection that a person took away, and where it was. */
export interface Removed {
  readonly id: string;
  readonly box: Box;
}

/** What a person changed about the detections. It outlives a new detection with another profile. */
export interface Edits {
  readonly drawn: readonly { readonly id: string; readonly box: Box }[];
  readonly removed: readonly Removed[];
}

export const noEdits: Edits = { drawn: [], removed: [] };

/** Whether a person changed anything, so that the regions must be sent along. */
export function isEdited(edits: Edits): boolean {
  return edits.drawn.length > 0 || edits.removed.length > 0;
}

/** Detections as regions to show; those of different frames at the same place become one. */
export function foundRegions(detected: readonly RegionBody[]): readonly ShownRegion[] {
  return byPlace(detected).map((regions) => {
    const { box, frame } = regions[0]!;
    const id = `found ${[frame ?? 0, box.x, box.y, box.width, box.height].join(" ")}`;
    const score = Math.max(...regions.map((region) => region.score));
    return { id, boxes: regions.map(givenBox), score, drawn: false };
  });
}

/** Those of different frames at the same place together. */
export function byPlace<R extends RegionBody>(detected: readonly R[]): readonly (readonly R[])[] {
  const places: R[][] = [];
  for (const region of detected) {
    const isThere = ([first]: readonly R[]) => first!.frame !== region.frame && overlap(first!.box, region.box) > 0.6;
    const place = places.find(isThere);
    if (place) place.push(region);
    else places.push([region]);
  }
  return places;
}

/** As it is sent back: with its keypoints a head that lies over is masked as it was when it was found. */
export function givenBox({ box, keypoints }: RegionBody): GivenBox {
  return { ...box, ...(keypoints && { keypoints }) };
}

/** The regions that remain and are added. A removal that fits no detection any more removes nothing: the safe side. */
export function shownRegions(
  found: readonly ShownRegion[],
  edits: Edits,
  isMeant: (region: ShownRegion, removed: Removed) => boolean = isAboutThere,
): readonly ShownRegion[] {
  const kept = found.filter((region) => !edits.removed.some((removed) => isMeant(region, removed)));
  return [...kept, ...edits.drawn.map(({ id, box }) => ({ id, boxes: [box], score: 1, drawn: true }))];
}

/** Whatever is found where one was removed: another detection gives it another name. */
function isAboutThere(region: ShownRegion, { box }: Removed): boolean {
  return overlap(outline(region), box) > 0.7;
}

/** That detection and no neighbour, where nothing is detected anew. */
export function isTheVery({ id }: ShownRegion, removed: Removed): boolean {
  return id === removed.id;
}

/** Adds a drawn region. */
export function draw(edits: Edits, id: string, box: Box): Edits {
  return { ...edits, drawn: [...edits.drawn, { id, box }] };
}

/** Takes a region away. */
export function remove(edits: Edits, region: ShownRegion): Edits {
  return region.drawn
    ? { ...edits, drawn: edits.drawn.filter(({ id }) => id !== region.id) }
    : { ...edits, removed: [...edits.removed, { id: region.id, box: outline(region) }] };
}

/** Puts a region elsewhere; a detection that is moved counts as drawn from then on. */
export function move(edits: Edits, region: ShownRegion, box: Box): Edits {
  if (!region.drawn) return draw(remove(edits, region), region.id, box);
  return { ...edits, drawn: edits.drawn.map((drawn) => (drawn.id === region.id ? { ...drawn, box } : drawn)) };
}

/** Where a region comes from: one look or the other, the only one there was, or a person's hand. */
export type Origin = "first" | "second" | "found" | "drawn";

/** Who a region is from. */
export function originOf({ drawn, look }: ShownRegion): Origin {
  return drawn ? "drawn" : (look ?? "found");
}

/** The smallest box around all boxes of a region. */
export function outline({ boxes }: ShownRegion): Box {
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
}

/** The part of a box that lies in the picture, at least one pixel wide and high. */
export function clampBox(box: Box, picture: Size): Box {
  const x = Math.min(Math.max(box.x, 0), picture.width - 1);
  const y = Math.min(Math.max(box.y, 0), picture.height - 1);
  return {
    x,
    y,
    width: Math.max(1, Math.min(box.x + box.width, picture.width) - x),
    height: Math.max(1, Math.min(box.y + box.height, picture.height) - y),
  };
}

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (a.width * a.height + b.width * b.height - width * height);
}
