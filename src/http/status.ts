import type { Limits } from "../core/media.ts";
import { allStyles, cosmeticStatement, type Policy, styles } from "../core/policy.ts";
import type { Problem } from "../errors.ts";
import type { Paused } from "../ledger/pauses.ts";
import type { Progress } from "../pipeline/progress.ts";
import type { Fill } from "../pipeline/room.ts";
import { type Route, uploadRoute } from "../pipeline/route.ts";
import type { RouteHealth } from "../pipeline/route-health.ts";
import type { Rest, StuckRoutes } from "../pipeline/stuck-routes.ts";
import { policyBody } from "./policy-body.ts";
import type { ProgressBody, Status } from "./status-schema.ts";

export interface StatusFacts {
  readonly version: string;
  readonly detector: { readonly name: string; readonly digest: string };
  readonly routes: readonly RouteFacts[];
  /** Why a route's jobs rest; undefined: they don't. */
  readonly restOf: StuckRoutes["restOf"];
  readonly limits: Limits & { readonly maxBatch: number };
  readonly formats: readonly string[];
  readonly policy: Policy;
  readonly progress: readonly Progress[];
  readonly paused: Paused;
  readonly room: Fill;
}

/** What is known of a route between folders. */
export interface RouteFacts {
  readonly route: Pick<Route, "name" | "watched">;
  readonly settings: {
    readonly from: string;
    readonly to: string;
    readonly originals: Status["routes"][number]["originals"];
  };
  readonly health: Pick<RouteHealth, "problem" | "brokenSince" | "standsBy">;
  /** What is in its input and can't be taken, in words. */
  passedOver(): readonly string[];
}

/** How many of what is passed over are told in words. */
const maxExamples = 20;

/** What the page is told about this installation. */
export function statusOf(facts: StatusFacts): Status {
  const { version, detector, routes, limits, formats, policy, paused, room } = facts;
  const none = { count: 0, examples: [] };
  const between = ({ route, settings, health, passedOver }: RouteFacts) => {
    const words = passedOver();
    return {
      ...{ name: route.name, watched: route.watched, input: settings.from, output: settings.to },
      ...{ originals: settings.originals, stands_by: route.watched && health.standsBy() },
      passed_over: { count: words.length, examples: words.slice(0, maxExamples) },
      problem: problemOf(health),
      resting: restingOf(facts.restOf(route.name)),
      progress: progressBody(route.name, facts),
    };
  };
  return {
    version,
    detector: { ...detector },
    routes: [
      ...routes.map(between),
      {
        ...{ name: uploadRoute, watched: false, input: "POST /api/v1/jobs", output: "GET /api/v1/jobs/{id}/result" },
        ...{ originals: "delete" as const, stands_by: false },
        passed_over: none,
        ...{ problem: null, resting: null },
        progress: progressBody(uploadRoute, facts),
      },
    ],
    limits: {
      max_bytes: limits.maxBytes,
      max_pixels: limits.maxPixels,
      max_frames: limits.maxFrames,
      max_batch: limits.maxBatch,
    },
    paused: { all: paused.all, routes: [...paused.routes] },
    room: { share: room.share, detail: room.words },
    formats: [...formats],
    policy: policyBody(policy),
    styles: policy.cosmetic === cosmeticStatement ? [...allStyles] : [...styles],
  };
}

function problemOf(health: RouteFacts["health"]): Status["routes"][number]["problem"] {
  const [problem, since] = [health.problem(), health.brokenSince()];
  if (problem === undefined || since === undefined) return null;
  return { ...wordsOf(problem), since: new Date(since).toISOString() };
}

function restingOf(rest: Rest | undefined): Status["routes"][number]["resting"] {
  return rest === undefined ? null : { ...wordsOf(rest.problem), tried_at: new Date(rest.triedAt).toISOString() };
}

function wordsOf({ code, title, message: detail, remedy }: Problem) {
  return { code, title, detail, ...(remedy !== undefined && { remedy }) };
}

function progressBody(name: string, { progress, paused }: Pick<StatusFacts, "progress" | "paused">): ProgressBody {
  const its = progress.find(({ route }) => route === name);
  return {
    left: its?.left ?? 0,
    per_minute: its?.perMinute ?? 0,
    seconds_left: its?.secondsLeft ?? null,
    oldest_waiting_at: its?.oldestWaitingAt === undefined ? null : new Date(its.oldestWaitingAt).toISOString(),
    retries: its?.retries ?? 0,
    paused: paused.all || paused.routes.includes(name),
    dead: { ...its?.classes.dead },
    held: { ...its?.classes.held },
    trying_again: { ...its?.classes.failed },
  };
}
