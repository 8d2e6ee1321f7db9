import type { Config } from "../config.ts";
import { parseDetectors } from "../core/detector.ts";
import { modelEntry } from "../engine/model-manifest.ts";
import { html, type Markup, raw } from "../eval/markup.ts";
import { pageStyle } from "../eval/page-style.ts";
import { leakRate } from "../eval/wording.ts";
import type { Head } from "../ledger/head.ts";
import type { LeakFacts, RouteFacts } from "./report-facts.ts";
import { filled, type ReportLanguage, reportWords } from "./report-words.ts";

export interface ReportPage {
  readonly language: ReportLanguage;
  readonly routes: readonly RouteFacts[];
  readonly config: Config;
  readonly leak: LeakFacts | undefined;
  readonly head: Head | undefined;
  readonly peers: readonly string[];
  readonly since: number;
  readonly until: number;
  readonly now: number;
  readonly version: string;
}

/** On paper: no colours of the screen, no section over two pages. */
const reportStyle = `
:lang(zh) { font-family: system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", sans-serif; }
.tiles { grid-template-columns: repeat(6, 1fr); } @media (max-width: 800px) { .tiles { grid-template-columns: repeat(2, 1fr); } }
section h2 + p { margin-top: 2px; } .scroll + h2, .scroll + p { margin-top: 22px; } h2.route { font-size: 24px; margin: 44px 0 0; }
td, th { white-space: normal; } td.text, th.text { text-align: left; } code { font-size: 13px; overflow-wrap: anywhere; } td code { font-size: 12px; }
.sign { display: grid; grid-template-columns: repeat(3, 1fr); gap: 32px; margin-top: 56px; } .sign span { border-top: 1px solid var(--soft); padding-top: 6px; color: var(--soft); font-size: 13px; }
@page { size: A4; margin: 18mm 16mm; }
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --faint: #ddd; }
  body { font-size: 10.5pt; } main { padding: 0; max-width: none; } section, .tile { border-radius: 0; }
  section { break-inside: avoid; padding: 12px 0; border-width: 1px 0 0; margin-top: 14px; } h2.route { break-before: page; } h2.route:first-of-type { break-before: auto; }
}`;

/** One HTML page that needs nothing else: no script, no network, nobody's picture. */
export function reportPage(page: ReportPage): string {
  const { language, routes, since, until, now, version } = page;
  const words = reportWords(language);
  const subject = routes.length === 1 ? `${words.route} ${routes[0]!.name}` : words.allRoutes;
  return html`<!doctype html>
<html lang="${language === "zh" ? "zh-Hans" : "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>veil: ${words.title}</title>
<style>${raw(pageStyle)}${raw(reportStyle)}</style>
</head>
<body>
<main>
<h1>${words.title}</h1>
<p class="soft">${subject} · ${filled(words.period, { from: moment(since), until: moment(until) })}<br>${filled(words.made, { at: minute(now), version })}</p>
${routes.map((route) => routePart(route, page))}
${sharedPart(page)}
<div class="sign"><span>${words.checked}</span><span>${words.date}</span><span>${words.signature}</span></div>
</main>
</body>
</html>
`.markup;
}

function routePart(route: RouteFacts, page: ReportPage): Markup {
  const words = reportWords(page.language);
  const { events } = route;
  const [taken, masked, held, dead] = [events.admitted ?? 0, events.done ?? 0, events.held ?? 0, events.dead ?? 0];
  const tile = (value: number, name: string) =>
    html`<div class="tile"><b>${count(value)}</b><span>${name}</span></div>`;
  const values = { taken: count(taken), masked: count(masked), held: count(held), dead: count(dead) };
  return html`<h2 class="route">${words.route} ${route.name}</h2>
<div class="tiles">${tile(taken, words.taken)}${tile(masked, words.masked)}${tile(route.faces, words.faces)}${tile(route.faceless, words.faceless)}${tile(held, words.held)}${tile(dead, words.dead)}</div>
<section><p>${taken + masked === 0 ? words.quiet : filled(words.summary, values)}</p></section>
${outcomesPart(route, page)}
${failuresPart(route, page)}
${leakPart(route, page)}
${maskingPart(route, page)}
${retentionPart(route, page)}`;
}

const shownKinds = [
  "done",
  "copied",
  "skipped",
  "held",
  "approved",
  "rejected",
  "dead",
  "redriven",
  "superseded",
  "removed",
  "expired",
] as const;

function outcomesPart({ events, cached, open, heldNow }: RouteFacts, { language }: ReportPage): Markup {
  const words = reportWords(language);
  const rows: [string, number][] = (["admitted", ...shownKinds] as const).flatMap((kind) => {
    const number = events[kind] ?? 0;
    const row: [string, number] = [words.kinds[kind] ?? kind, number];
    if (kind === "done") return [row, [words.cached, cached] as [string, number]];
    return number > 0 || kind === "admitted" || kind === "held" || kind === "dead" ? [row] : [];
  });
  return html`<section><h2>${words.outcomes}</h2><p class="soft">${words.outcomesNote}</p>
${table(
  [words.outcome, words.number],
  [...rows, [words.openNow, open], [words.heldNow, heldNow]].map(([name, value]) => [
    String(name),
    count(Number(value)),
  ]),
)}
<h2>${words.review}</h2><p class="soft">${words.reviewNote}</p>
${table(
  [words.outcome, words.number],
  (["held", "approved", "rejected"] as const).map((kind) => [words.kinds[kind]!, count(events[kind] ?? 0)]),
)}</section>`;
}

function failuresPart({ classes }: RouteFacts, { language }: ReportPage): Markup {
  const words = reportWords(language);
  return html`<section><h2>${words.failures}</h2>
${
  classes.length === 0
    ? html`<p>${words.noFailures}</p>`
    : html`<p class="soft">${words.failuresNote}</p>${table(
        [words.class, words.attempts, words.givenUp],
        classes.map((row) => [row.class, count(row.failed), count(row.dead)]),
      )}`
}</section>`;
}

function leakPart({ policy }: RouteFacts, { language, leak }: ReportPage): Markup {
  const words = reportWords(language);
  if (leak === undefined) return html`<section><h2>${words.leak}</h2><p>${coded(words.leakNone)}</p></section>`;
  const { card, all, isOf } = leak;
  const text = filled(words.leakText, {
    ...{ faces: count(all.faces), leaks: count(all.leaks), pictures: count(card.truth.pictures) },
    ...{ ...leakRate(all), at: card.measuredAt.slice(0, 16).replace("T", " ") },
  });
  const isSame = isOf(policy);
  return html`<section${isSame ? undefined : raw(' class="alert"')}><h2>${words.leak}</h2><p>${text}</p><p class="soft">${isSame ? words.leakSame : words.leakOther}</p></section>`;
}

function maskingPart({ policy, detectors }: RouteFacts, { language, config }: ReportPage): Markup {
  const words = reportWords(language);
  const names = parseDetectors(config.detector)!;
  return html`<section><h2>${words.masking}</h2>
${policy.style === "cosmetic" ? html`<p class="bad">${words.cosmetic}</p>` : html`<p>${words.irreversible}</p>`}
${pairs([
  [words.style, policy.style],
  [words.strength, policy.strength],
  [words.profile, policy.profile],
  [words.minScore, policy.minScore ?? words.ofProfile],
  [words.verify, policy.verify ?? "off"],
  [words.metadata, policy.metadata ?? "none"],
  [words.lossless, String(policy.lossless ?? false)],
  ...names.flatMap((name): [string, string | Markup][] => [
    [words.detector, name],
    [words.model, html`<code>${modelEntry(name).sha256}</code>`],
    [words.licence, modelEntry(name).licence],
  ]),
])}
${
  detectors.length > 0 &&
  html`<p class="soft">${words.usedModels}</p>${table(
    [words.detector, words.model, words.number],
    detectors.map(({ name, digest, pictures }) => [name, html`<code>${digest}</code>`, count(pictures)]),
  )}`
}</section>`;
}

function retentionPart({ settings }: RouteFacts, { language, config }: ReportPage): Markup {
  const words = reportWords(language);
  const kept = settings?.keepDays === undefined ? words.forEver : filled(words.days, { days: settings.keepDays });
  const uploads = filled(words.hours, { hours: config.jobs.retainHours });
  const rows: [string, string][] =
    settings === undefined
      ? [[words.uploads, uploads]]
      : [
          [words.from, settings.from],
          [words.to, settings.to],
          [words.originalsLabel, filled(words.originals[settings.originals], { to: settings.movedTo ?? "" })],
          [words.keepDays, kept],
        ];
  const cache =
    config.cache.driver === "none" ? words.cacheNone : filled(words.hours, { hours: config.cache.ttlHours });
  return html`<section><h2>${words.retention}</h2>${pairs([...rows, [words.cacheLabel, cache], [words.spool, words.spoolText]])}</section>`;
}

function sharedPart({ language, config, head, peers }: ReportPage): Markup {
  const words = reportWords(language);
  const { processes, memoryMb, deadlineMs, isolation } = config.engine;
  return html`<section><h2>${words.isolation}</h2><p>${words.offline}</p>
<ul>${(peers.length > 0 ? peers : [words.nobody]).map((peer) => html`<li>${peer}</li>`)}</ul>
<p>${filled(words.listens, { address: `${config.host}:${config.port}` })} ${coded(filled(words.engine, { processes, memory: memoryMb, seconds: deadlineMs / 1000, isolation }))}</p></section>
<section><h2>${words.ledger}</h2><p>${head === undefined ? words.ledgerNone : coded(filled(words.ledgerText, { size: count(head.size), chain: head.chain }))}</p></section>`;
}

function table(columns: readonly string[], rows: readonly (readonly (string | Markup)[])[]): Markup {
  return html`<div class="scroll"><table><thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>${rows.map(([first, ...others]) => html`<tr><th scope="row">${first}</th>${others.map((value) => html`<td>${value}</td>`)}</tr>`)}</tbody></table></div>`;
}

function pairs(rows: readonly (readonly [string, string | number | Markup])[]): Markup {
  return html`<div class="scroll"><table><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td class="text">${value}</td></tr>`)}</tbody></table></div>`;
}

/** What stands between backticks as code. */
function coded(text: string): readonly (string | Markup)[] {
  return text.split("`").map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`));
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** A day where it begins with it, or that very second. */
function moment(at: number): string {
  const [day, time] = new Date(at).toISOString().split(/[T.]/);
  return time === "00:00:00" ? day! : `${day} ${time}`;
}

function minute(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace("T", " ");
}
