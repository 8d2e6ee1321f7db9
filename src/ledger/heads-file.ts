import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { Problem } from "../errors.ts";
import { canonical } from "./canonical.ts";
import { type Head, parseHead } from "./head.ts";

/** Longer than any head. */
const tailBytes = 4096;

/** Adds a head as a line of JSON, on disk when it returns; nothing where it is the last line already. */
export async function appendHead(path: string, head: Head): Promise<void> {
  const line = canonical({ ...head });
  const file = await open(path, "a+", 0o644).catch((cause: NodeJS.ErrnoException) => {
    throw new Problem("store-unavailable", `Cannot write the ledger's heads to ${path}: ${cause.message}`, {
      remedy: "Make its folder, or mount the disk that ledger.heads names. Until then heads are kept here alone.",
      cause,
    });
  });
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(tailBytes),
      position: Math.max(0, size - tailBytes),
    });
    const tail = buffer.toString("utf8", 0, bytesRead);
    if (tail.endsWith(`${line}\n`)) return;
    // A line that a power cut left unfinished stays one of its own.
    const gap = tail === "" || tail.endsWith("\n") ? "" : "\n";
    await file.appendFile(`${gap}${line}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** A line of a file of heads: undefined where it holds none. */
export interface HeadLine {
  readonly line: number;
  readonly head: Head | undefined;
}

/** Every line that is not empty, in order. */
export async function* readHeads(path: string): AsyncGenerator<HeadLine> {
  const input = createReadStream(path);
  try {
    let line = 0;
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1;
      if (text.trim() !== "") yield { line, head: parseHead(text) };
    }
  } finally {
    input.destroy();
  }
}
