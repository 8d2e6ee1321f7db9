import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { createBell } from "./bell.ts";
import { configFields } from "./config/fields.ts";
import type { Config } from "./config.ts";
import { Problem, toProblem } from "./errors.ts";
import { type Alert, alertsOf } from "./eval/alerts.ts";
import { type History, readHistory } from "./eval/history.ts";

/** What the newest kept result says, by the slices' ids. */
export interface EvaluationFigures {
  readonly recall: Readonly<Record<string, number>>;
  /** What the baseline recorded. */
  readonly lowerBound: Readonly<Record<string, number>>;
  /** 1 where the newest result is below it. */
  readonly alert: Readonly<Record<string, number>>;
  /** When it was measured, seconds since 1970; absent: never. */
  readonly measuredAt?: number;
}

export interface EvaluationSchedule {
  figures(): EvaluationFigures;
  /** Measures whenever it is time; ends when `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ScheduleOptions {
  readonly config: Config;
  /** Where results are kept. */
  readonly place: string;
  readonly onAlert: (alert: Alert) => void;
  readonly onProblem: (problem: Problem) => void;
}

const hourMs = 3_600_000;
const main = new URL("./main.ts", import.meta.url);

/**
 * Measures the configured labelled pictures again and again, each time in a process of its own that gives way to
 * the others: `veil eval --keep`. What was due while veil was stopped is made up for at the start.
 */
export async function createEvaluationSchedule(options: ScheduleOptions): Promise<EvaluationSchedule> {
  const { config, place, onAlert, onProblem } = options;
  const { everyHours } = config.eval;
  let history = await readHistory(place);
  const newest = () => history.cards.at(-1)?.measuredAt;

  /** Somebody may have accepted another baseline since. */
  async function refresh(): Promise<void> {
    history = await readHistory(place).catch((error: unknown) => {
      onProblem(toProblem(error));
      return history;
    });
  }

  async function measure(signal: AbortSignal): Promise<void> {
    const before = newest();
    const failure = await runChild(argumentsFor(config), signal);
    if (signal.aborted) return;
    await refresh();
    for (const fault of history.faults) onProblem(new Problem("unreadable", fault));
    if (newest() === before) {
      throw new Problem("internal", `The leak-rate measurement failed: ${failure}`, {
        remedy: "Run it by hand: veil eval FOLDER --truth FILE",
      });
    }
    for (const alert of alertsIn(history)) onAlert(alert);
  }

  return {
    figures: () => figuresOf(history),
    async run(signal) {
      const clock = createBell();
      while (!signal.aborted) {
        await refresh();
        const last = Date.parse(newest() ?? "");
        const due = Number.isNaN(last) ? 0 : last + everyHours * hourMs - Date.now();
        if (due > 0) {
          // Longer waits overflow a timer.
          await clock.wait(Math.min(due, hourMs), signal);
          continue;
        }
        const failed = await measure(signal).then(
          () => false,
          (error: unknown) => {
            if (!signal.aborted) onProblem(toProblem(error));
            return true;
          },
        );
        if (failed) await clock.wait(hourMs, signal);
      }
    },
  };
}

function alertsIn({ cards, baseline }: History): Alert[] {
  const card = cards.at(-1);
  return card === undefined || baseline === undefined ? [] : alertsOf(card, baseline);
}

function figuresOf(history: History): EvaluationFigures {
  const { cards, baseline } = history;
  const card = cards.at(-1);
  const of = (read: (slice: { recall: number; lowerBound: number }) => number, from = card) =>
    Object.fromEntries(from?.slices.map((slice) => [slice.id, read(slice)]) ?? []);
  const raised = Object.fromEntries(alertsIn(history).map(({ slice }) => [slice, 1]));
  return {
    recall: of(({ recall }) => recall),
    lowerBound: of(({ lowerBound }) => lowerBound, baseline),
    alert: { ...of(() => 0), ...raised },
    ...(card && { measuredAt: Date.parse(card.measuredAt) / 1000 }),
  };
}

/** Settings that decide what is measured; others the child reads from the same places as the service, or does without. */
const handedOn = /^(dataDir|detector|(policy|limits|eval)\..*)$/;

/** The command line of the measuring process. */
export function argumentsFor(config: Config): string[] {
  const { folder, truth } = config.eval;
  if (folder === undefined) throw new Problem("internal", "Expected eval.folder to be configured");
  const settings = configFields
    .filter(({ path }) => handedOn.test(path))
    .flatMap(({ path }) => {
      const value = path.split(".").reduce<unknown>((node, name) => (node as Record<string, unknown>)[name], config);
      return value === undefined ? [] : ["--set", `${path}=${value}`];
    });
  return ["eval", folder, "--truth", truth ?? join(folder, "truth.jsonl"), "--keep", ...settings];
}

const graceMs = 5_000;

/** Runs `veil` with these arguments to its end; answers how it ended and the last that it said. */
async function runChild(args: readonly string[], signal: AbortSignal): Promise<string> {
  const child = fork(main, args, {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    // The channel tells it when the service is gone.
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  const stop = () => stopWithin(child, graceMs);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const how = await new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, by) => resolve(by ?? `exit code ${code}`));
    });
    return `${how} ${said.trim()}`.trim();
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function stopWithin(child: ChildProcess, ms: number): void {
  child.kill("SIGTERM");
  const insist = setTimeout(() => child.kill("SIGKILL"), ms);
  child.once("close", () => clearTimeout(insist));
}
