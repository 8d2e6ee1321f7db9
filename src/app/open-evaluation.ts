import type { Alert } from "../alerts/alert.ts";
import type { Config } from "../config.ts";
import { createEvaluationSchedule, type EvaluationSchedule } from "../eval-schedule.ts";
import type { Logger } from "../log.ts";

export interface EvaluationParts {
  /** Where results are kept. */
  readonly place: string;
  readonly onAlert: (alert: Alert) => void;
  readonly log: Logger;
}

/** What measures again and again how many faces leak; undefined: there are no pictures to measure with. */
export async function openEvaluation(
  config: Config,
  { place, onAlert, log }: EvaluationParts,
): Promise<EvaluationSchedule | undefined> {
  if (config.eval.folder === undefined) return undefined;
  return createEvaluationSchedule({
    ...{ config, place },
    onAlert: ({ message }) => onAlert({ kind: "leak-rate", message: `leak rate: ${message}`, at: Date.now() }),
    onProblem: ({ code, message }) => log.error({ code }, message),
  });
}
