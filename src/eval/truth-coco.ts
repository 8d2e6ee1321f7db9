import { z } from "zod";
import type { ParsedTruth, TrueFace } from "./true-picture.ts";
import { sentence } from "./truth-lines.ts";

const id = z.union([z.int(), z.string()]);
const size = z.number().min(0);

const cocoSchema = z.looseObject({
  images: z.array(
    z.looseObject({
      id,
      file_name: z.string().min(1),
      width: z.int().min(1).optional(),
      height: z.int().min(1).optional(),
    }),
  ),
  annotations: z.array(
    z.looseObject({
      image_id: id,
      bbox: z.tuple([z.number(), z.number(), size, size]),
      category_id: id.optional(),
      iscrowd: z.union([z.literal([0, 1]), z.boolean()]).optional(),
    }),
  ),
  categories: z.array(z.looseObject({ id, name: z.string() })).optional(),
});

/**
 * COCO: `images`, `annotations` with `bbox` in pixels, `iscrowd` for what does not count. Where some categories have
 * "face" in their name, only those are faces; else all are, and a category's name is the label.
 */
export function parseTruthCoco(value: unknown, name: string): ParsedTruth {
  const parsed = cocoSchema.safeParse(value);
  if (!parsed.success) {
    return { pictures: [], faults: parsed.error.issues.map((issue) => `${name}: ${sentence(issue)}`), notes: [] };
  }
  const { images, annotations, categories = [] } = parsed.data;
  const faults: string[] = [];
  const names = new Map(categories.map((category) => [category.id, category.name]));
  const faceLike = categories.filter((category) => /face/i.test(category.name)).map((category) => category.id);
  const isFace = (category: string | number | undefined) =>
    faceLike.length === 0 || category === undefined || faceLike.includes(category);
  const known = new Set(images.map((image) => image.id));
  const facesOf = new Map<string | number, TrueFace[]>();
  let others = 0;
  for (const [index, { image_id, bbox, category_id, iscrowd }] of annotations.entries()) {
    if (!known.has(image_id)) faults.push(`${name}: annotations.${index}: there is no image ${image_id}`);
    if (!isFace(category_id)) {
      others++;
      continue;
    }
    const [x, y, width, height] = bbox;
    const label = category_id === undefined ? undefined : names.get(category_id);
    const face = { box: { x, y, width, height }, counts: !iscrowd && width > 0 && height > 0 };
    const list = facesOf.get(image_id) ?? [];
    list.push({ ...face, ...(label !== undefined && names.size > 1 && { label }) });
    facesOf.set(image_id, list);
  }
  const pictures = images.map(({ id: image, file_name: file, width, height }, index) => ({
    ...{ file, where: `${name}: images.${index}`, set: name, tags: [] },
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    faces: facesOf.get(image) ?? [],
  }));
  const notes = others === 0 ? [] : [`${name}: ${others} annotations of other categories than faces were left out`];
  return { pictures, faults, notes };
}
