import { readFile } from "node:fs/promises";

/** What one life of the program saw until it was killed. */
export interface ChaosNotes {
  /** Jobs that a queue had lent and that were not over. */
  inWork: number;
  /** How often a queue lent a job. */
  lent: number;
  /** How often one that had been begun, or was finished, before. */
  again: number;
}

/** The notes of a process that is gone; nothing where it came to no job. */
export async function readNotes(path: string): Promise<ChaosNotes> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text === "" ? { inWork: 0, lent: 0, again: 0 } : (JSON.parse(text) as ChaosNotes);
}
