import { join, resolve } from "node:path";
import type { ConfigFlags } from "../config/layers.ts";
import type { Config } from "../config.ts";
import { type DetectorName, parseDetectors } from "../core/detector.ts";
import type { Profile } from "../core/policy.ts";
import { fullRangePresets, type Presets, scrfdPresets, yunetPresets } from "../core/presets.ts";
import { evaluationsIn, placesIn } from "../data-places.ts";
import { openDetector } from "../engine/detectors.ts";
import { Problem } from "../errors.ts";
import { alertsOf, isComparable } from "../eval/alerts.ts";
import { type Choice, choose, type Half } from "../eval/choose.ts";
import { type Evaluation, evaluate } from "../eval/evaluate.ts";
import { acceptBaseline, type History, keepCard, readHistory } from "../eval/history.ts";
import { markdownOf } from "../eval/markdown.ts";
import { pageOf } from "../eval/page.ts";
import { writePrivately } from "../eval/private-file.ts";
import { readTruth } from "../eval/read-truth.ts";
import { version } from "../version.ts";
import { openCommandEngine } from "./engine.ts";
import { lowerPriority } from "./low-priority.ts";
import { printable } from "./printable.ts";
import { createProgress } from "./progress.ts";
import { configFor, type PolicyFlags } from "./settings.ts";

export interface EvalFlags extends PolicyFlags {
  readonly truth?: readonly string[];
  readonly only?: readonly string[];
  readonly half?: Half;
  readonly limit?: string;
  readonly json?: string;
  readonly html?: string;
  readonly keep?: boolean;
  readonly accept?: boolean;
}

/** `veil eval`: measures a folder, or takes the newest kept result; 1 if a picture failed or a slice got worse. */
export async function evalFolder(flags: ConfigFlags, folder: string | undefined, options: EvalFlags): Promise<number> {
  const config = configFor(flags, options);
  const place = evaluationsIn(config.dataDir);
  const evaluation = folder === undefined ? await newestIn(place) : await measure(config, folder, options);
  if (evaluation === undefined) {
    process.stderr.write("Stopped. Nothing was kept or written.\n");
    return 1;
  }
  const { card, pictures } = evaluation;
  const kept = folder === undefined || options.keep === true || options.accept === true;
  if (folder !== undefined && kept) await keepCard(place, card, config.eval.keep);
  if (options.accept) await acceptBaseline(place, card);
  const history = await readHistory(place);
  for (const fault of history.faults) process.stderr.write(`${fault}\n`);
  const alerts = alertsIn(history, evaluation, kept);

  if (options.json !== undefined && options.json !== "-") {
    await writePrivately(options.json, `${JSON.stringify(card, null, 1)}\n`);
  }
  if (options.html !== undefined) {
    const trend = history.cards.some(({ measuredAt }) => measuredAt === card.measuredAt)
      ? history.cards
      : [...history.cards, card];
    await writePrivately(options.html, pageOf({ card, pictures, kept: trend, alerts }));
    const warning = pictures.length > 0 ? ` It shows ${pictures.length} unmasked faces: keep it from others.` : "";
    process.stderr.write(`${options.html}: written.${warning}\n`);
  }
  process.stdout.write(options.json === "-" ? `${JSON.stringify(card, null, 1)}\n` : markdownOf(card));
  for (const { message } of alerts) process.stderr.write(`worse: ${printable(message)}\n`);
  return alerts.length > 0 || card.notMeasured.length > 0 ? 1 : 0;
}

async function newestIn(place: string): Promise<Evaluation> {
  const card = (await readHistory(place)).cards.at(-1);
  if (card !== undefined) return { card, pictures: [] };
  throw new Problem("invalid-request", `There is no kept result in ${place}`, {
    remedy: "Give a folder of labelled pictures: veil eval FOLDER --truth FILE --keep",
  });
}

/** Undefined: it was asked to stop. */
async function measure(config: Config, folder: string, options: EvalFlags): Promise<Evaluation | undefined> {
  const choice = choiceOf(options);
  if ((options.keep || options.accept) && Object.keys(choice).length > 0) {
    throw new Problem("invalid-request", "Expected --keep and --accept without --only, --half and --limit", {
      remedy: "What is kept is held against what was kept before: it has to be the whole truth.",
    });
  }
  const { policy, limits } = config;
  const truths = options.truth ?? [join(folder, "truth.jsonl")];
  const truth = await readTruth(
    truths.map((path) => resolve(path)),
    resolve(folder),
  );
  const total = choose(truth.pictures, choice).length;
  if (total === 0) throw new Problem("invalid-request", "Expected at least one picture of the truth to be chosen");
  await using engine = await openCommandEngine(config);
  const { spool, signal } = engine;
  if (process.channel) {
    // The service started this: it goes first, and when it is gone, nobody waits for the result.
    lowerPriority();
    process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
    process.channel.unref();
  }
  const { models } = placesIn(config.dataDir);
  const detectors = parseDetectors(config.detector)!;
  const detector = await openDetector({ detectors, models });
  const minScore = policy.minScore ?? ownScore(detectors, policy.profile);
  const progress = createProgress(total);
  try {
    return await evaluate({
      ...{ truth, choice, detector, policy, limits, version, signal, ...(minScore !== undefined && { minScore }) },
      scratch: spool.folder,
      withPictures: options.html !== undefined,
      onPicture: () => progress.tick(true),
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    progress.stop();
  }
}

const presetsOf: Readonly<Record<DetectorName, Presets>> = {
  "mediapipe-full-range": fullRangePresets,
  yunet: yunetPresets,
  scrfd: scrfdPresets,
};

/** The score from which a detector masks where the policy gives none; several have no single one. */
function ownScore(detectors: readonly DetectorName[], profile: Profile): number | undefined {
  if (detectors.length > 1) return undefined;
  const [name] = detectors;
  return name && presetsOf[name].profiles[profile].minScore;
}

function choiceOf({ only, half, limit }: EvalFlags): Choice {
  if (limit !== undefined && !/^[1-9]\d*$/.test(limit)) {
    throw new Problem("invalid-request", `Expected a whole number of at least 1 for --limit but received ${limit}`);
  }
  return {
    ...(only && { sets: only }),
    ...(half !== undefined && { half }),
    ...(limit !== undefined && { limit: Number(limit) }),
  };
}

/** A result that is not kept is held against the baseline only where both speak of the same pictures. */
function alertsIn({ baseline }: History, { card }: Evaluation, kept: boolean) {
  if (baseline === undefined || !(kept || isComparable(card, baseline))) return [];
  return alertsOf(card, baseline);
}
