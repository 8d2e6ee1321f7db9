import type { AttackReport, OperatorResult, Outcome } from "./attack.ts";
import { bestOf, isAboveFloor } from "./attack.ts";
import type { Approach } from "./attackers.ts";

/** The report as Markdown: a table of the operators, and which attacker was the best against each. */
export function attackMarkdown(report: AttackReport): string {
  const { people, photographs, left, recognisers, chance, results } = report;
  const networks = recognisers.length === 0 ? "no recogniser: pixels alone" : recognisers.join(", ");
  return [
    `${people} people, ${photographs} photographs (${left.photographs} without a face found, ${left.people} people with too few); ${networks}.`,
    `A guess recognises ${percent(chance)}. Rank-1 in percent, with exact 95 % bounds.`,
    "",
    "| operator | naive | parrot | restore | best attacker | AUC | against solid of the same extent |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...results.map((result) => {
      const best = bestOf(result);
      const cells = [
        result.operator,
        ...(["naive", "parrot", "restore"] as const).map((approach) => rankOne(result, approach)),
        best ? `${percent(best.rankOne.share)} [${percent(best.rankOne.low)}, ${percent(best.rankOne.high)}]` : "–",
        highestAuc(result.outcomes),
        verdict(report, result),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
    "",
    ...results.flatMap((result) => {
      const best = bestOf(result);
      return best ? [`- ${result.operator}: best was ${best.approach}, ${best.attacker}`] : [];
    }),
    "",
  ].join("\n");
}

function rankOne(result: OperatorResult, approach: Approach): string {
  const best = bestOf(result, approach);
  return best ? percent(best.rankOne.share) : "–";
}

/** Of any attacker: who verifies best need not be who names best. */
function highestAuc(outcomes: readonly Outcome[]): string {
  return outcomes.length === 0 ? "–" : Math.max(...outcomes.map(({ auc }) => auc)).toFixed(2);
}

function verdict(report: AttackReport, result: OperatorResult): string {
  if (result.floor === result.operator) return "is it";
  const above = isAboveFloor(report, result);
  return above === undefined ? "" : above ? "**above**" : "not above";
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}
