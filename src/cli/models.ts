import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigFlags } from "../config/layers.ts";
import { writeSetting } from "../config/write.ts";
import { type DetectorName, detectorNames } from "../core/detector.ts";
import { claimDataFolder } from "../data-claim.ts";
import { placesIn } from "../data-places.ts";
import { addModel, fetchModel, type ModelState, modelPath, modelState } from "../engine/model-folder.ts";
import { type ModelEntry, modelEntry, modelManifest } from "../engine/model-manifest.ts";
import { Problem } from "../errors.ts";
import { createOutbound } from "../outbound.ts";
import { configFor } from "./settings.ts";

export interface AddFlags {
  readonly file?: string;
  readonly use?: boolean;
  readonly acceptLicence?: boolean;
}

/** For a person who waits: a model is a megabyte or three. */
const fetchTimeoutMs = 60_000;
const outbound = createOutbound({ timeoutMs: fetchTimeoutMs, remedy: "Give it with --file." });

/** `veil models list`: every model that veil knows, whether it is there, and what may be done with it. */
export async function listModels(flags: ConfigFlags, options: { json?: boolean }): Promise<number> {
  const config = configFor(flags);
  const { models } = placesIn(config.dataDir);
  const rows = await Promise.all(modelManifest.map(async (entry) => ({ entry, state: await stateOf(models, entry) })));
  const inUse = config.detector.split("+");
  if (options.json) {
    const shown = rows.map(({ entry, state }) => ({ ...entry, state, in_use: inUse.includes(entry.name) }));
    process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
    return 0;
  }
  for (const { entry, state } of rows) {
    const { name, licence, origin, terms, sha256, source } = entry;
    const used = inUse.includes(name) ? ", in use" : "";
    process.stdout.write(`${name}  (${wordsFor(entry, state)}${used})\n`);
    process.stdout.write(`  ${origin}\n  Licence: ${licence}. ${terms}\n  SHA-256 ${sha256}\n`);
    process.stdout.write(`  ${source ?? "in the packages that veil installs"}\n\n`);
  }
  return 0;
}

function wordsFor({ name }: ModelEntry, state: ModelState): string {
  switch (state) {
    case "ready":
      return "here";
    case "missing":
      return `not here; npx veil models add ${name}`;
    case "altered":
      return `altered: not the published file; npx veil models add ${name}`;
  }
}

/** `veil models add`: shows the licence, fetches or reads the file, keeps it if it is the published one. */
export async function addModelCommand(flags: ConfigFlags, name: string, options: AddFlags): Promise<number> {
  const entry = entryNamed(name);
  const { dataDir } = configFor(flags);
  process.stderr.write(`${entry.origin}\nLicence: ${entry.licence}. ${entry.terms}\n`);
  if (entry.source === undefined) {
    process.stderr.write("It comes with veil: nothing to add.\n");
  } else {
    if (entry.restricted && !options.acceptLicence) {
      throw new Problem("invalid-request", `The model of ${name} is not free for any use`, {
        remedy: "Say that you know and keep its terms: add --accept-licence.",
      });
    }
    await claimDataFolder(dataDir);
    const bytes = options.file
      ? await readFile(options.file)
      : await fetchModel(entry, { timeoutMs: fetchTimeoutMs, fetch: outbound });
    const path = await addModel(placesIn(dataDir).models, entry, bytes, options.file ?? entry.source);
    process.stderr.write(`${path}: as published.\n`);
  }
  if (options.use)
    process.stderr.write(
      `${await chooseDetector(flags, entry.name)}\nA service that runs uses it from its next start.\n`,
    );
  else process.stderr.write(`To use it: detector: ${name} in the configuration, or add --use.\n`);
  return 0;
}

/** `veil models verify`: 1 if one that was added is not the published file, or one in use is missing. */
export async function verifyModels(flags: ConfigFlags): Promise<number> {
  const config = configFor(flags);
  const { models } = placesIn(config.dataDir);
  let faults = 0;
  for (const entry of modelManifest) {
    const state = await stateOf(models, entry);
    const wanted = config.detector.split("+").includes(entry.name);
    const sound = state === "ready" || (state === "missing" && !wanted);
    if (!sound) faults++;
    const where = entry.source === undefined || state === "missing" ? "" : `  ${modelPath(models, entry)}`;
    const sign = state === "ready" ? "✓" : sound ? "-" : "✗";
    process.stdout.write(`${sign} ${entry.name}: ${wordsFor(entry, state)}${where}\n`);
  }
  return faults > 0 ? 1 : 0;
}

/** Writes the detector into the configuration of these flags; answers the sentence that says so. */
export async function chooseDetector(flags: ConfigFlags, name: string): Promise<string> {
  const file = flags.config ?? (process.env.VEIL_CONFIG || join(configFor(flags).dataDir, "veil.yaml"));
  await writeSetting(file, "detector", name, "What finds the faces; npx veil models says which others there are.");
  return `${file} now says: detector: ${name}`;
}

async function stateOf(models: string, entry: ModelEntry): Promise<ModelState> {
  return entry.source === undefined ? "ready" : modelState(models, entry);
}

function entryNamed(name: string): ModelEntry {
  if ((detectorNames as readonly string[]).includes(name)) return modelEntry(name as DetectorName);
  throw new Problem("invalid-request", `Expected one of ${detectorNames.join(", ")} but received ${name}`);
}
