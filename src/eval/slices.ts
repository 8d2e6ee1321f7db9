import { exactBounds } from "./exact-bounds.ts";
import type { FaceOutcome, PictureOutcome } from "./measure-picture.ts";
import { grades, levels } from "./true-picture.ts";

/** Faces of one kind: how many leaked, and what the pixels say. */
export interface Slice {
  /** For example `height=8-16` or `height>=16`: the same in every result. */
  readonly id: string;
  /** For example `height`. */
  readonly dimension: string;
  /** For example `8-16`. */
  readonly name: string;
  readonly faces: number;
  readonly leaks: number;
  /** Share of faces that did not leak, with its exact 95 % bounds. */
  readonly recall: number;
  readonly lowerBound: number;
  readonly upperBound: number;
  /** Faces of which the pixels can tell whether their detail is visible; of those that leaked, and that did not, how many show it. */
  readonly pixels: { readonly judged: number; readonly leakedVisible: number; readonly maskedVisible: number };
}

/** A picture with more faces than this is a crowd: a class, a parade, a stand full of children. */
export const crowdFrom = 51;

/** Heights in pixels from which a bucket begins. */
export const heights = [0, 8, 16, 32, 64] as const;
/** Buckets without an upper end. */
export const cumulative = [16, 32] as const;

/** A slice's id: `set=school`, and where its name is a comparison, `height>=16`. */
function idOf(dimension: string, name: string): string {
  return /^[<>]/.test(name) ? `${dimension}${name}` : `${dimension}=${name}`;
}

/** The ids of every slice that a face is in. */
function slicesOf({ face, box }: FaceOutcome, { picture }: PictureOutcome): string[] {
  const height = Math.max(...heights.filter((from) => box.height >= from));
  const next = heights[heights.indexOf(height as (typeof heights)[number]) + 1];
  const graded = (Object.keys(grades) as (keyof typeof grades)[]).flatMap((dimension) =>
    face[dimension] === undefined ? [] : [idOf(dimension, face[dimension])],
  );
  const { level } = face;
  return [
    "all",
    idOf("height", bucketName(height, next)),
    ...cumulative.filter((from) => box.height >= from).map((from) => idOf("height", `>=${from}`)),
    ...(level === undefined ? [] : levels.slice(levels.indexOf(level)).map((name) => idOf("level", name))),
    ...graded,
    ...(face.label === undefined ? [] : [idOf("label", face.label)]),
    idOf("crowd", picture.faces.length >= crowdFrom ? ">50" : "<=50"),
    idOf("set", picture.set),
    ...[...new Set(picture.tags)].map((tag) => idOf("tag", tag)),
    ...(picture.category === undefined ? [] : [idOf("category", picture.category)]),
  ];
}

function bucketName(from: number, to: number | undefined): string {
  if (from === 0) return `<${to}`;
  return to === undefined ? `>=${from}` : `${from}-${to}`;
}

/** Dimensions in the order of reports, each with its names where they have one. */
const order: readonly { readonly dimension: string; readonly names?: readonly string[] }[] = [
  { dimension: "all" },
  {
    dimension: "height",
    names: [
      ...heights.map((from, index) => bucketName(from, heights[index + 1])),
      ...cumulative.map((from) => `>=${from}`),
    ],
  },
  { dimension: "level", names: levels },
  ...(Object.keys(grades) as (keyof typeof grades)[]).map((dimension) => ({ dimension, names: grades[dimension] })),
  { dimension: "label" },
  { dimension: "crowd", names: ["<=50", ">50"] },
  { dimension: "set" },
  { dimension: "tag" },
  { dimension: "category" },
];

/** Every slice that has a face in it. */
export function slicesIn(outcomes: readonly PictureOutcome[]): Slice[] {
  const groups = new Map<string, FaceOutcome[]>();
  for (const outcome of outcomes) {
    for (const face of outcome.faces) {
      for (const id of slicesOf(face, outcome)) {
        const group = groups.get(id);
        if (group) group.push(face);
        else groups.set(id, [face]);
      }
    }
  }
  const slices = [...groups].map(([id, faces]) => sliceOf(id, faces));
  const rank = ({ dimension, name }: Slice) => {
    const at = order.findIndex((one) => one.dimension === dimension);
    return [at, order[at]?.names?.indexOf(name) ?? 0] as const;
  };
  return slices.sort((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    return x[0] - y[0] || x[1] - y[1] || (a.name < b.name ? -1 : 1);
  });
}

function sliceOf(id: string, faces: readonly FaceOutcome[]): Slice {
  const [, dimension = id, name = id] = /^([a-z]+)(?:=|(?=[<>]))(.+)$/s.exec(id) ?? [];
  const leaks = faces.filter(({ leaked }) => leaked).length;
  const { share, lower, upper } = exactBounds(faces.length - leaks, faces.length)!;
  const shown = faces.filter(({ visible }) => visible);
  return {
    ...{ id, dimension, name, faces: faces.length, leaks, recall: share, lowerBound: lower, upperBound: upper },
    pixels: {
      judged: faces.filter(({ visible }) => visible !== undefined).length,
      leakedVisible: shown.filter(({ leaked }) => leaked).length,
      maskedVisible: shown.filter(({ leaked }) => !leaked).length,
    },
  };
}
