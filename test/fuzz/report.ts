import type { ImageFormat } from "../../src/core/sniff.ts";
import { Problem, toProblem } from "../../src/errors.ts";

/** What became of one mutant: masked, or the code that it was refused with. */
export interface Outcome {
  readonly of: ImageFormat;
  readonly code: string;
  /** Whether its pixels were asked of the decoder: it was masked, or refused for what the decoder met then. */
  readonly decoded: boolean;
}

/** How it ended that a picture was refused, from the very words that `decode` has for pixels and for nothing before them. */
export function refused(of: ImageFormat, error: unknown): Outcome {
  const { code, message } = toProblem(error);
  if (!(error instanceof Problem) || code === "internal") throw error;
  return { of, code, decoded: isOfPixels(code, message) };
}

/** Whether a refusal came from the pixel decoder or from what follows it. */
export function isOfPixels(code: string, detail: string): boolean {
  return (
    (code === "unreadable" && detail.includes("could not be decoded")) || code === "doubtful" || code === "residue"
  );
}

/** Share of all whose pixels were decoded, as far as it went. */
export function decodedShare(outcomes: readonly Outcome[]): number {
  return outcomes.filter(({ decoded }) => decoded).length / Math.max(1, outcomes.length);
}

/** One row a code, one column a format of the seeds, as Markdown. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const formats = [...new Set(outcomes.map(({ of }) => of))].sort();
  const codes = [...new Set(outcomes.map(({ code }) => code))].sort();
  const count = (holds: (outcome: Outcome) => boolean) => String(outcomes.filter(holds).length);
  const row = (name: string, holds: (outcome: Outcome) => boolean) => {
    const cells = formats.map((format) => count((one) => one.of === format && holds(one)));
    return `| ${[name, ...cells, count(holds)].join(" | ")} |`;
  };
  return [
    `| | ${formats.join(" | ")} | all |`,
    `| --- |${" ---: |".repeat(formats.length + 1)}`,
    ...codes.map((code) => row(`\`${code}\``, (one) => one.code === code)),
    row("came to the pixel decoder", ({ decoded }) => decoded),
    row("all", () => true),
  ].join("\n");
}
