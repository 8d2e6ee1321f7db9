import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Problem } from "../errors.ts";
import type { ModelEntry } from "./model-manifest.ts";

/** What `veil models verify` says of one model. */
export type ModelState = "ready" | "missing" | "altered";

/** Where an added model lies; its digest is in its name, so that another version is another file. */
export function modelPath(folder: string, { name, sha256 }: ModelEntry): string {
  return join(folder, `${name}-${sha256.slice(0, 16)}.onnx`);
}

/** An added model's bytes, as pinned. Problems: model-missing and model-mismatch, with the command that adds it. */
export async function readAddedModel(folder: string | undefined, entry: ModelEntry): Promise<Uint8Array> {
  const path = folder === undefined ? undefined : modelPath(folder, entry);
  const bytes = path && (await readFile(path).catch(absent));
  if (!bytes) {
    const where = path === undefined ? "" : ` at ${path}`;
    throw new Problem("model-missing", `Expected the model of the detector ${entry.name}${where} but it is not there`, {
      remedy: `Add it: npx veil models add ${entry.name}`,
    });
  }
  refuseOther(entry, bytes, path!);
  return bytes;
}

/** Whether an added model is there and what it should be. */
export async function modelState(folder: string, entry: ModelEntry): Promise<ModelState> {
  const bytes = await readFile(modelPath(folder, entry)).catch(absent);
  if (!bytes) return "missing";
  return sha256(bytes) === entry.sha256 ? "ready" : "altered";
}

/** Keeps a model for later starts, once it is known to be the expected one. Answers its path. */
export async function addModel(folder: string, entry: ModelEntry, bytes: Uint8Array, from: string): Promise<string> {
  refuseOther(entry, bytes, from);
  const path = modelPath(folder, entry);
  await writeAtomically(path, bytes);
  return path;
}

/** A published model from its address. Problem model-unavailable where it can't be had. */
export async function fetchModel(
  entry: ModelEntry,
  { timeoutMs, fetch }: { readonly timeoutMs: number; readonly fetch: typeof globalThis.fetch },
): Promise<Uint8Array> {
  const { source, name, bytes } = entry;
  if (source === undefined) throw new Problem("invalid-request", `The model of ${name} comes with veil`);
  try {
    const answer = await fetch(source, { signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok || answer.body === null) throw new Error(`the server answered ${answer.status}`);
    const parts: Uint8Array[] = [];
    let received = 0;
    for await (const part of answer.body) {
      received += part.length;
      if (received > bytes) break;
      parts.push(part);
    }
    return Buffer.concat(parts);
  } catch (cause) {
    throw new Problem("model-unavailable", `${source} could not be fetched: ${reasonOf(cause)}`, {
      remedy: `Fetch it elsewhere, and add it from a file: npx veil models add ${name} --file FILE`,
      cause,
    });
  }
}

/** Writes a file so that nobody ever sees half of it. */
export async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await using file = await open(temporary, "wx");
    await file.writeFile(bytes);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** SHA-256 as hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function refuseOther(entry: ModelEntry, bytes: Uint8Array, from: string): void {
  const received = sha256(bytes);
  if (received === entry.sha256) return;
  throw new Problem("model-mismatch", `Expected SHA-256 ${entry.sha256} for ${from} but received ${received}`, {
    remedy: `Add the published file again: npx veil models add ${entry.name}`,
  });
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

/** Why a fetch failed, in a person's words: the error itself says no more than that it did. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "no answer in time";
  return error.cause instanceof Error ? error.cause.message : error.message;
}
