import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConfigFlags } from "../config/layers.ts";
import { bundledDetector } from "../core/detector.ts";
import { openDetector } from "../engine/detectors.ts";
import { Problem } from "../errors.ts";
import { attack as attackPeople, isAboveFloor } from "../eval/attack.ts";
import { referenceOperators, veilOperators } from "../eval/attack-operators.ts";
import { readPeople } from "../eval/attack-photographs.ts";
import { openRecogniser } from "../eval/attack-recogniser.ts";
import { attackMarkdown } from "../eval/attack-report.ts";
import { configFor } from "./settings.ts";

/** Flags of `veil attack`. */
export interface AttackFlags {
  readonly recogniser?: readonly string[];
  readonly mean: string;
  readonly scale: string;
  readonly bgr?: boolean;
  readonly operator?: readonly string[];
  readonly people?: string;
  readonly json?: boolean;
}

/** `veil attack`: what attackers still get out of each mask, as Markdown or JSON on standard output. */
export async function attack(flags: ConfigFlags, folder: string, options: AttackFlags): Promise<number> {
  const { limits } = configFor(flags);
  const normalisation = {
    mean: numberOf("mean", options.mean),
    scale: numberOf("scale", options.scale),
    bgr: options.bgr === true,
  };
  const operators = chosen(options.operator);
  const recognisers = await Promise.all((options.recogniser ?? []).map((path) => openRecogniser(path, normalisation)));
  const scratch = await mkdtemp(join(tmpdir(), "veil-attack-"));
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  try {
    progress("finding faces");
    const most = options.people === undefined ? {} : { most: numberOf("people", options.people) };
    const people = await readPeople(folder, await openDetector({ detectors: [bundledDetector] }), {
      scratch,
      limits,
      ...most,
    });
    progress(`attacking ${people.names.length} people`);
    const report = await attackPeople(people, {
      operators,
      recognisers,
      onOperator: ({ operator }) => progress(`${operator} done`),
    });
    process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : attackMarkdown(report));
    const failed = report.results.filter((result) => result.kind === "veil" && isAboveFloor(report, result));
    for (const { operator } of failed) process.stderr.write(`veil: ${operator} gives away more than solid fill\n`);
    return failed.length > 0 ? 1 : 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
    await Promise.all(recognisers.map(({ release }) => release()));
  }
}

function chosen(names: readonly string[] | undefined): readonly (typeof veilOperators)[number][] {
  const all = [...referenceOperators, ...veilOperators];
  if (names === undefined || names.length === 0) return all;
  for (const name of names) {
    if (all.some((operator) => operator.name === name)) continue;
    throw new Problem("invalid-request", `--operator: expected one of the operators but received ${name}`, {
      remedy: `There are: ${all.map((operator) => operator.name).join("; ")}.`,
    });
  }
  // What an operator is compared with comes along.
  const floors = all.filter(({ name }) => names.includes(name)).map(({ floor }) => floor);
  return all.filter(({ name }) => names.includes(name) || floors.includes(name));
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && (name !== "scale" || value > 0)) return value;
  throw new Problem("invalid-request", `--${name}: expected a number but received ${text}`);
}
