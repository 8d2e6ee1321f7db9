import { posix } from "node:path";
import { grades, type ParsedTruth, type TrueFace, type TruePicture } from "./true-picture.ts";

const fields = "x y w h blur expression illumination invalid occlusion pose";

/**
 * WIDER FACE's text (`wider_face_val_bbx_gt.txt`): a path, the number of its faces, a line of ten numbers for each. A
 * picture without faces may be followed by one line of zeros, as in the published files.
 */
export function parseTruthWider(text: string, name: string): ParsedTruth {
  const lines = text.split("\n").map((line) => line.trim());
  const faults: string[] = [];
  const pictures: TruePicture[] = [];
  for (let at = 0; at < lines.length; ) {
    if (lines[at] === "") {
      at++;
      continue;
    }
    const [file, where] = [lines[at]!, `${name}:${at + 1}`];
    if (isNumbers(file)) faults.push(`${where}: expected the path of a picture but received ${shown(file)}`);
    const count = lines[at + 1] ?? "";
    if (!/^\d+$/.test(count)) {
      faults.push(`${name}:${at + 2}: expected the number of faces of ${file} but received ${shown(count)}`);
      // Where the number is left out, another picture begins on its line.
      at += /^\d+$/.test(lines[at + 2] ?? "") ? 1 : 2;
      continue;
    }
    at += 2;
    const faces: TrueFace[] = [];
    for (let left = Number(count); left > 0; left--, at++) {
      const face = faceOf(lines[at] ?? "");
      if (face === undefined) {
        faults.push(`${name}:${at + 1}: expected ${fields} but received ${shown(lines[at] ?? "")}`);
        // Another picture begins here: the count was wrong, and the rest is still worth reading.
        if (!isNumbers(lines[at] ?? "")) break;
      } else faces.push(face);
    }
    if (count === "0" && /^0( 0)*$/.test(lines[at] ?? "")) at++;
    pictures.push({ file, where, set: name, tags: [], ...categoryOf(file), faces });
  }
  return { pictures, faults, notes: [] };
}

/** WIDER FACE's folders are named for what happens in the pictures: `12--Group`. */
function categoryOf(file: string): { category?: string } {
  const folder = posix.basename(posix.dirname(file));
  return /^\d+--./.test(folder) ? { category: folder } : {};
}

function faceOf(line: string): TrueFace | undefined {
  const numbers = line.split(/\s+/).map(Number);
  if (numbers.length !== 10 || !numbers.every(Number.isFinite)) return undefined;
  const [x, y, width, height, blur, , illumination, invalid, occlusion, pose] = numbers as [number, ...number[]];
  const graded = {
    blur: grades.blur[blur!],
    illumination: grades.illumination[illumination!],
    occlusion: grades.occlusion[occlusion!],
    pose: grades.pose[pose!],
  };
  if (Object.values(graded).includes(undefined) || (invalid !== 0 && invalid !== 1)) return undefined;
  if (width! < 0 || height! < 0) return undefined;
  const box = { x, y: y!, width: width!, height: height! };
  return {
    box,
    counts: invalid === 0 && width! > 0 && height! > 0,
    ...(graded as Required<typeof graded>),
  } as TrueFace;
}

function isNumbers(line: string): boolean {
  return line !== "" && line.split(/\s+/).every((part) => Number.isFinite(Number(part)));
}

function shown(line: string): string {
  return line === "" ? "nothing" : JSON.stringify(line.length > 60 ? `${line.slice(0, 59)}…` : line);
}
