/**
 * node bench/formats.ts DIR [--out DIR] [--files]
 *
 * What becomes of every file of a folder, as Markdown: how many give an output, the codes of those that do not by format,
 * and what the residue search finds in originals and outputs. What it says of pictures in other files is compared with
 * a search of its own that knows no container: every place where a picture begins and decodes. --out keeps the
 * outputs; --files tells of each file.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { defaultPolicy } from "../src/core/policy.ts";
import { nameOf, recognise } from "../src/core/sniff.ts";
import { createPool } from "../src/engine/pool.ts";
import { type Residue, residueOf } from "../src/engine/residue.ts";
import { Problem, toProblem } from "../src/errors.ts";

const { values, positionals } = parseArgs({
  options: { out: { type: "string" }, files: { type: "boolean" } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined) throw new Error("usage: node bench/formats.ts DIR [--out DIR] [--files]");

interface Row {
  readonly file: string;
  readonly format: string;
  readonly code?: string;
  readonly detail?: string;
  readonly residue?: Residue;
  /** Pictures within it that the search of this file's own found, and those of them that the residue search did not. */
  readonly pictures: number;
  readonly missed: readonly number[];
  readonly left: readonly string[];
  readonly picturesLeft: number;
}

const spool = await mkdtemp(join(tmpdir(), "veil-formats-"));
if (values.out !== undefined) await mkdir(values.out, { recursive: true });
const limits = { maxBytes: 64 * 2 ** 20, maxPixels: 120_000_000, maxFrames: 500 };
const processes = Math.min(4, availableParallelism());
const pool = createPool({
  limits,
  detector: { detectors: ["mediapipe-full-range"] },
  processes,
  deadlineMs: 300_000,
  memoryMb: 4096,
  spool,
});
const rows: Row[] = [];
try {
  const files = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  const names = files.map(({ name }) => name).filter((name) => !/\.(jsonl?|md|txt)$/.test(name));
  for (const name of names.sort()) rows.push(await look(name, folder));
} finally {
  await pool.close();
  await rm(spool, { recursive: true });
}
report();

async function look(name: string, from: string): Promise<Row> {
  const path = join(from, name);
  const original = await readFile(path);
  const format = nameOf(recognise(original.subarray(0, 4096)));
  const residue = known(original);
  const own = await picturesIn(original);
  const covered = (at: number) =>
    residue?.findings.some(({ picture, offset, length }) => picture && at >= offset && at < offset + length) === true;
  const missed = residue === undefined ? [] : own.filter((at) => !covered(at));
  const found = { file: name, format, pictures: own.length, missed, ...(residue && { residue }) };
  try {
    await using picture = await pool.open(path);
    const regions = await picture.detect(defaultPolicy);
    const { path: masked } = await picture.render(regions, defaultPolicy);
    const output = await readFile(masked);
    if (values.out !== undefined) await writeFile(join(values.out, name), output);
    const left = residueOf(output).findings.map(({ kind }) => kind);
    await using again = await pool.open(masked);
    if ((again.hidden ?? 0) > 0) left.push("hidden-pixels");
    return { ...found, left, picturesLeft: (await picturesIn(output)).length };
  } catch (error) {
    const { code, message } = toProblem(error);
    return { ...found, code, detail: message, left: [], picturesLeft: 0 };
  }
}

function known(file: Buffer): Residue | undefined {
  try {
    return residueOf(file);
  } catch (error) {
    if (error instanceof Problem && error.code === "unsupported") return undefined;
    throw error;
  }
}

/** Where pictures that decode begin within a file, other than the one that the file itself is. */
async function picturesIn(file: Buffer): Promise<number[]> {
  const itself = await decoded(file);
  const places: number[] = [];
  for (const start of ["\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "GIF87a", "GIF89a"]) {
    const wanted = Buffer.from(start, "latin1");
    for (let at = file.indexOf(wanted, 1); at >= 0; at = file.indexOf(wanted, at + 1)) {
      const pixels = await decoded(file.subarray(at));
      // A start that stands before the file's own tables by chance decodes to the file's own picture.
      if (pixels !== undefined && !(itself?.equals(pixels) ?? false)) places.push(at);
    }
  }
  return places;
}

async function decoded(file: Buffer): Promise<Buffer | undefined> {
  try {
    return await sharp(file, { failOn: "none", limitInputPixels: 50_000_000 }).raw().toBuffer();
  } catch {
    // Not a picture from here on.
    return undefined;
  }
}

function report(): void {
  const masked = rows.filter(({ code }) => code === undefined);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  if (values.files) {
    for (const { file, code, detail, residue, missed, left } of rows) {
      const kinds = residue?.findings.map(({ kind, picture }) => (picture ? `${kind}*` : kind)) ?? [];
      const end = code === undefined ? (left.length > 0 ? `LEFT ${left.join(", ")}` : "masked") : `${code}: ${detail}`;
      const miss = missed.length > 0 ? ` MISSED at ${missed.join(", ")}` : "";
      console.log(`- ${file}: ${[...new Set(kinds)].join(", ") || "nothing"}${miss}; ${end}`);
    }
    console.log("");
  }
  console.log("| format | files | masked | not masked |\n|---|---|---|---|");
  for (const [format, of] of Map.groupBy(rows, ({ format }) => format)) {
    const codes = Map.groupBy(
      of.filter(({ code }) => code !== undefined),
      ({ code }) => code,
    );
    const said = [...codes].map(([code, some]) => `${some.length} \`${code}\``).join(", ");
    console.log(`| ${format} | ${of.length} | ${of.filter(({ code }) => code === undefined).length} | ${said} |`);
  }
  console.log(`\n${rows.length} files, ${masked.length} masked.`);
  const named = sum(rows.map(({ residue }) => residue?.findings.filter(({ picture }) => picture).length ?? 0));
  console.log(`Originals: ${named} findings with a picture, in ${withPicture()} files.`);
  const [own, missed] = [sum(rows.map(({ pictures }) => pictures)), sum(rows.map((row) => row.missed.length))];
  console.log(
    `A search without knowledge of containers: ${own} pictures that decode, ${missed} of them not found above.`,
  );
  const dirty = masked.filter(({ left }) => left.length > 0).length;
  const pictures = sum(masked.map(({ picturesLeft }) => picturesLeft));
  console.log(`Outputs: ${dirty} with a finding; ${pictures} pictures by the search without knowledge of containers.`);
  if (missed > 0 || dirty > 0 || pictures > 0) process.exitCode = 1;
}

function withPicture(): number {
  return rows.filter(({ residue }) => residue?.findings.some(({ picture }) => picture) === true).length;
}
