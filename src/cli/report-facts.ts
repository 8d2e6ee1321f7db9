import type { Config } from "../config.ts";
import { routesOf } from "../config.ts";
import { parseDetectors } from "../core/detector.ts";
import type { JobState } from "../core/job.ts";
import type { Policy } from "../core/policy.ts";
import { modelEntry } from "../engine/model-manifest.ts";
import { type ProblemClass, problems } from "../errors.ts";
import type { Card } from "../eval/card.ts";
import type { Slice } from "../eval/slices.ts";
import type { EventTally, OpenSelfTests, RouteStats } from "../ledger/ledger.ts";

/** One route's part of a report. */
export interface RouteFacts {
  readonly name: string;
  readonly events: Readonly<Partial<Record<JobState, number>>>;
  readonly faces: number;
  readonly faceless: number;
  readonly cached: number;
  readonly classes: readonly { readonly class: ProblemClass; readonly failed: number; readonly dead: number }[];
  readonly detectors: readonly { readonly name: string; readonly digest: string; readonly pictures: number }[];
  /** As of now. */
  readonly open: number;
  readonly heldNow: number;
  /** Absent: the route is configured no more, or is that of uploads. */
  readonly settings?: ReturnType<typeof routesOf> extends Map<string, infer Settings> ? Settings : never;
  readonly policy: Policy;
}

export interface LeakFacts {
  readonly card: Card;
  readonly all: Slice;
  /** Whether it was measured with what the route uses now. */
  isOf(policy: Policy): boolean;
}

/** A route's events of a period, its state now and its settings, put together. */
export function routeFacts(
  name: string,
  config: Config,
  tally: readonly EventTally[],
  stats: readonly RouteStats[],
  selfTests: readonly OpenSelfTests[],
): RouteFacts {
  const its = tally.filter(({ route }) => route === name);
  const sum = (rows: readonly EventTally[], of: (row: EventTally) => number = ({ events }) => events) =>
    rows.reduce((total, row) => total + of(row), 0);
  // An approval or a rerun takes in and masks the same picture again: that is not another picture.
  const counted = its.filter(({ again }) => !again);
  const done = counted.filter(({ kind }) => kind === "done");
  const byKind = Map.groupBy(counted, ({ kind }) => kind);
  const troubles = its.filter(({ code, kind }) => code !== undefined && (kind === "failed" || kind === "dead"));
  const byClass = Map.groupBy(troubles, ({ code }) => problems[code!].class);
  const byDetector = Map.groupBy(
    // Each that looked, also where another one's result took its place.
    its.filter(({ kind, detector }) => kind === "done" && detector !== undefined),
    ({ detector }) => `${detector!.name} ${detector!.digest}`,
  );
  const now = stats.find(({ route }) => route === name)?.states;
  const inState = (...states: JobState[]) =>
    states.reduce((total, state) => total + (now?.[state] ?? 0), 0) -
    selfTests.reduce(
      (total, { route, state, jobs }) => total + (route === name && states.includes(state) ? jobs : 0),
      0,
    );
  const settings = routesOf(config).get(name);
  return {
    name,
    events: Object.fromEntries([...byKind].map(([kind, rows]) => [kind, sum(rows)])),
    faces: sum(done, ({ regions }) => regions),
    faceless: sum(done.filter(({ faceless }) => faceless)),
    cached: sum(done.filter(({ cached }) => cached)),
    classes: [...byClass]
      .map(([one, rows]) => ({
        class: one,
        failed: sum(rows.filter(({ kind }) => kind === "failed")),
        dead: sum(rows.filter(({ kind }) => kind === "dead")),
      }))
      .sort((a, b) => b.dead - a.dead || b.failed - a.failed),
    detectors: [...byDetector.values()].map((rows) => ({ ...rows[0]!.detector!, pictures: sum(rows) })),
    open: inState("admitted", "started", "failed"),
    heldNow: inState("held"),
    ...(settings && { settings }),
    policy: settings?.policy ?? config.policy,
  };
}

/** What is known of the detector's misses, from the newest kept card; undefined: nothing. */
export function leakFacts(card: Card | undefined, { detector }: Config): LeakFacts | undefined {
  const all = card?.slices.find(({ dimension }) => dimension === "all");
  if (card === undefined || all === undefined) return undefined;
  const names = parseDetectors(detector)!;
  const digests = names.map((name) => modelEntry(name).sha256).join("");
  return {
    card,
    all,
    isOf: ({ profile, minScore, style, strength }) =>
      card.detector.name === detector &&
      (names.length > 1 || card.detector.digest === digests) &&
      card.policy.profile === profile &&
      card.policy.style === style &&
      card.policy.strength === strength &&
      (minScore === undefined || minScore === card.minScore),
  };
}

/** Whom this installation talks to, without secrets, one line each. */
export function peersOf({ queue, ledger, cache, alerts, auth, tracing, stores = {} }: Config): readonly string[] {
  const host = (url: string | undefined) => URL.parse(url ?? "")?.host ?? "";
  return [
    ...(queue.driver === "rabbitmq" ? [`RabbitMQ: ${host(queue.url)}`] : []),
    ...(queue.driver === "kafka" ? [`Kafka: ${queue.brokers}`] : []),
    ...(ledger.driver === "postgres" ? [`PostgreSQL: ${host(ledger.url)}`] : []),
    ...(cache.driver === "redis" ? [`Redis: ${host(cache.redis?.url)}`] : []),
    ...(alerts.webhook.url !== undefined ? [`alerts: ${host(alerts.webhook.url)}`] : []),
    ...[auth.oidc.issuer, auth.jwt.issuer].flatMap((issuer) =>
      issuer === undefined ? [] : [`login: ${host(issuer)}`],
    ),
    ...(tracing.url !== undefined ? [`traces: ${host(tracing.url)}`] : []),
    ...(alerts.mail.host !== undefined ? [`mail: ${alerts.mail.host}`] : []),
    ...Object.entries(stores).map(([name, { kind }]) => `store ${name} (${kind})`),
  ];
}
