import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Card, cardSchema } from "./card.ts";
import { writePrivately } from "./private-file.ts";

/** The results that were kept in a folder. */
export interface History {
  /** Oldest first. */
  readonly cards: readonly Card[];
  /** What later results are held against. */
  readonly baseline: Card | undefined;
  /** Files that are no result of this version, a sentence each. */
  readonly faults: readonly string[];
}

const baselineName = "baseline.json";
/** A card's file is named for when it was measured, with what file systems refuse left out. */
const nameOf = ({ measuredAt }: Card) => `${measuredAt.replaceAll(":", "-")}.json`;
const isKept = (name: string) => /^\d{4}-\d\d-\d\dT[\d.-]+Z\.json$/.test(name);

/** Reads what is kept; nothing where there is no such folder yet. */
export async function readHistory(folder: string): Promise<History> {
  const names = await namesIn(folder);
  const faults: string[] = [];
  const read = async (name: string): Promise<Card | undefined> => {
    const parsed = cardSchema.safeParse(jsonOf(await readFile(join(folder, name), "utf8")));
    if (!parsed.success) faults.push(`${join(folder, name)}: expected a card of veil-eval/1`);
    return parsed.data;
  };
  const cards: Card[] = [];
  for (const name of names.filter(isKept).sort()) {
    const card = await read(name);
    if (card) cards.push(card);
  }
  const baseline = names.includes(baselineName) ? await read(baselineName) : undefined;
  return { cards, baseline, faults };
}

/** Adds a card and removes the oldest ones above `keep`. The first one ever becomes the baseline. */
export async function keepCard(folder: string, card: Card, keep: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writePrivately(join(folder, nameOf(card)), `${JSON.stringify(card, null, 1)}\n`);
  const names = await readdir(folder);
  if (!names.includes(baselineName)) await acceptBaseline(folder, card);
  for (const name of names.filter(isKept).sort().slice(0, -keep)) await rm(join(folder, name));
}

/** From now on results are held against this one. */
export async function acceptBaseline(folder: string, card: Card): Promise<void> {
  await writePrivately(join(folder, baselineName), `${JSON.stringify(card, null, 1)}\n`);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON is no card either, and is told as one.
    return undefined;
  }
}
