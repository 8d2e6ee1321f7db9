import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import sharp from "sharp";
import type { ProblemBody } from "../../src/http/schema.ts";
import { type Program, type ProgramOptions, startProgram } from "../e2e/program.ts";
import { detailCorrelation, pixelsOf } from "../fixtures/pixels.ts";
import { runVeil } from "../fixtures/veil-command.ts";

/** The running program, and how a client talks to it. */
export interface Client extends Program {
  post(path: string, body: FormData | string, headers?: Record<string, string>): Promise<Response>;
  get(path: string): Promise<Response>;
  /** Names of the files in its spool. */
  spoolFiles(): Promise<string[]>;
}

export async function startClient(options: ProgramOptions): Promise<Client> {
  // Of the portrait's regions only her face is certain.
  const flags = ["--set", "policy.minScore=0.8", ...(options.flags ?? [])];
  const veil = await startProgram({ ...options, flags });
  return {
    ...veil,
    post: (path, body, headers = {}) => fetch(`${veil.address}${path}`, { method: "POST", body, headers }),
    get: (path) => fetch(`${veil.address}${path}`),
    async spoolFiles() {
      const entries = await readdir(`${veil.dataDir}/spool`, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
  };
}

/** A photo with one face. */
export function portraitJpeg(): Promise<Buffer> {
  const file = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
  return sharp(file).jpeg({ quality: 92 }).toBuffer();
}

/** Where it is. */
export const portraitFace = { x: 175, y: 52, width: 97, height: 127 };

/** That a result is the portrait's, of its size, and shows nothing of her face. */
export async function assertFaceGone(portrait: Buffer, file: Buffer): Promise<void> {
  const [before, now] = [await pixelsOf(portrait), await pixelsOf(file)];
  assert.deepEqual([now.width, now.height], [before.width, before.height]);
  assert.ok(Math.abs(detailCorrelation(before, now, portraitFace)) < 0.1, "detail of the face survived");
}

/** A form with files of one field, and fields before them. */
export function form(field: string, files: readonly Buffer[], fields: Record<string, string> = {}): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  for (const [index, file] of files.entries()) data.append(field, new Blob([file]), `photo-${index}.jpg`);
  return data;
}

/** Body and headers of a JSON request. */
export const json = (value: unknown) => [JSON.stringify(value), { "content-type": "application/json" }] as const;

/** A new API key of that data folder; `more` are further arguments of the command. */
export async function makeKeyIn(
  dataDir: string,
  name: string,
  roles: readonly string[],
  ...more: string[]
): Promise<string> {
  const args = ["keys", "create", name, ...roles.flatMap((role) => ["--role", role]), ...more];
  const { code, out, err } = await runVeil(["--data-dir", dataDir, ...args]);
  assert.equal(code, 0, err);
  return out.trim();
}

export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** That an answer is this problem; answers its body. */
export async function assertProblem(answer: Response, status: number, code: string): Promise<ProblemBody> {
  assert.equal(answer.status, status);
  assert.match(String(answer.headers.get("content-type")), /^application\/problem\+json/);
  const problem = (await answer.json()) as ProblemBody;
  assert.deepEqual([problem.status, problem.code], [status, code]);
  return problem;
}

/** That a picture comes back masked. */
export async function assertMaskedAnswer(veil: Client, picture: Buffer): Promise<void> {
  const answer = await veil.post("/api/v1/anonymize", form("image", [picture]));
  assert.equal(answer.status, 200);
  assert.ok(Number(answer.headers.get("x-veil-regions")) >= 1);
  await answer.arrayBuffer();
}
