import { writeFile } from "node:fs/promises";
import type { ConfigFlags } from "../config/layers.ts";
import { routesOf } from "../config.ts";
import { evaluationsIn } from "../data-places.ts";
import { Problem } from "../errors.ts";
import { readHistory } from "../eval/history.ts";
import { uploadRoute } from "../pipeline/route.ts";
import { version } from "../version.ts";
import { dateOf, openLedger, sealNewest } from "./ledger-open.ts";
import { leakFacts, peersOf, routeFacts } from "./report-facts.ts";
import { reportPage } from "./report-page.ts";
import type { ReportLanguage } from "./report-words.ts";

export interface ReportOptions {
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
  readonly lang: ReportLanguage;
}

const monthMs = 30 * 86_400_000;

/** `veil report`: what was masked on a route within a period, for whoever answers for it; one HTML page. */
export async function report(flags: ConfigFlags, route: string | undefined, options: ReportOptions): Promise<number> {
  const now = Date.now();
  const until = options.to === undefined ? now : dateOf("--to", options.to);
  const since = options.from === undefined ? until - monthMs : dateOf("--from", options.from);
  if (since >= until) throw new Problem("invalid-request", "Expected --from to be before --to");
  const { data, config } = await openLedger(flags);
  await using _closing = data;
  await sealNewest(data, config);
  const [tally, stats, selfTests, { head }, { cards }] = await Promise.all([
    data.ledger.tally(since, until),
    data.ledger.stats(since),
    data.ledger.openSelfTests(),
    data.seals.state(),
    readHistory(evaluationsIn(config.dataDir)),
  ]);
  const known = new Set([...routesOf(config).keys(), uploadRoute, ...stats.map((its) => its.route)]);
  if (route !== undefined && !known.has(route)) {
    throw new Problem("not-found", `There is no route ${route}; there are ${[...known].join(", ")}`);
  }
  // Those of which nothing was ever heard say nothing in a report on all.
  const busy = [...known].filter((name) => stats.some((its) => its.route === name));
  const names = route !== undefined ? [route] : busy.length > 0 ? busy : ["folder"];
  const page = reportPage({
    language: options.lang,
    routes: names.map((name) => routeFacts(name, config, tally, stats, selfTests)),
    ...{ config, leak: leakFacts(cards.at(-1), config), head, peers: peersOf(config), since, until, now, version },
  });
  if (options.out === undefined || options.out === "-") process.stdout.write(page);
  else {
    await writeFile(options.out, page, { mode: 0o600 });
    process.stdout.write(`${options.out} is written\n`);
  }
  return 0;
}
