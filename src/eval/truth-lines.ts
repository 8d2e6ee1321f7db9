import { z } from "zod";
import { grades, levels, type ParsedTruth, type TrueFace, type TruePicture } from "./true-picture.ts";

const gradeOf = <const T extends readonly string[]>(names: T) =>
  z
    .int()
    .min(0)
    .max(names.length - 1)
    .nullish()
    .transform((index) => (typeof index === "number" ? (names[index] as T[number]) : undefined));
const tags = z.array(z.string().min(1)).optional();
const word = z.string().min(1).nullish();

const faceSchema = z.looseObject({
  ...{ x: z.number(), y: z.number(), w: z.number().min(0), h: z.number().min(0) },
  invalid: z.union([z.literal([0, 1]), z.boolean()]).nullish(),
  blur: gradeOf(grades.blur),
  occlusion: gradeOf(grades.occlusion),
  pose: gradeOf(grades.pose),
  illumination: gradeOf(grades.illumination),
  wider: z.enum([...levels, "ignore"]).nullish(),
  label: word,
});

const lineSchema = z.looseObject({
  file: z.string().min(1),
  set: word,
  category: word,
  width: z.int().min(1).optional(),
  height: z.int().min(1).optional(),
  tags,
  faces: z.array(faceSchema).optional(),
});

/**
 * veil's own truth: a JSON object a line, one for each picture (docs/eval.md). A truth without a single `faces` is a
 * list of pictures without any.
 */
export function parseTruthLines(text: string, name: string): ParsedTruth {
  const faults: string[] = [];
  let faceless = true;
  const lines: { readonly where: string; readonly line: z.output<typeof lineSchema> }[] = [];
  for (const [index, content] of text.split("\n").entries()) {
    if (content.trim() === "") continue;
    const where = `${name}:${index + 1}`;
    const value = objectIn(content);
    if (typeof value === "object" && value !== null && "faces" in value) faceless = false;
    const parsed = lineSchema.safeParse(value);
    if (parsed.success) lines.push({ where, line: parsed.data });
    else for (const issue of parsed.error.issues) faults.push(`${where}: ${sentence(issue)}`);
  }
  const pictures = lines.flatMap(({ where, line }): TruePicture[] => {
    const { file, set, category, width, height, faces } = line;
    if (faces === undefined && !faceless) {
      faults.push(`${where}: faces: expected a list, [] for a picture without any, but received none`);
    }
    const size = { ...(width !== undefined && { width }), ...(height !== undefined && { height }) };
    const own = { file, where, set: set ?? (faceless ? "no faces" : name), tags: line.tags ?? [], ...size };
    return [{ ...own, ...(category && { category }), faces: (faces ?? []).map(faceOf) }];
  });
  return { pictures, faults, notes: [] };
}

function faceOf({ x, y, w, h, invalid, wider, label, ...face }: z.output<typeof faceSchema>): TrueFace {
  const { blur, occlusion, pose, illumination } = face;
  return {
    box: { x, y, width: w, height: h },
    counts: !invalid && wider !== "ignore" && w > 0 && h > 0,
    ...(blur && { blur }),
    ...(occlusion && { occlusion }),
    ...(pose && { pose }),
    ...(illumination && { illumination }),
    ...(wider && wider !== "ignore" && { level: wider }),
    ...(label && { label }),
  };
}

/** What is no JSON is no object either, and the schema says so. */
function objectIn(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A fault that zod found, as `faces.3.w: expected number, received undefined`. */
export function sentence({ path, message }: Pick<z.core.$ZodIssue, "path" | "message">): string {
  const said = message.replace(/^(Invalid|Too) \w+: /, "");
  return path.length === 0 ? `expected a JSON object; ${said}` : `${path.join(".")}: ${said}`;
}
