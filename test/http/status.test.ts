import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPolicy } from "../../src/core/policy.ts";
import { Problem } from "../../src/errors.ts";
import { statusOf } from "../../src/http/status.ts";
import { statusSchema } from "../../src/http/status-schema.ts";
import { createRouteHealth, type RouteHealth } from "../../src/pipeline/route-health.ts";

function routeOf(name: string, watched: boolean, health: RouteHealth) {
  const settings = { from: `/in/${name}`, to: `/out/${name}`, originals: "move" as const };
  return { route: { name, watched }, settings, health, passedOver: () => [] };
}

test("a route is broken since its first failure, stands by where another process watches it, or works", () => {
  let now = Date.parse("2026-11-25T08:00:00Z");
  const health = (route: string) =>
    createRouteHealth({ route, onAlert: () => {}, now: () => now, uptime: () => performance.now() });
  const [broken, watchedElsewhere, asked] = [health("broken"), health("elsewhere"), health("asked")];
  for (const detail of ["away", "still away"]) {
    broken.broken(new Problem("store-unavailable", detail, { remedy: "Mount it." }));
    now += 60_000;
  }
  const silent = new Problem("store-unavailable", "silent for 30 s");
  watchedElsewhere.standBy(true);
  asked.standBy(true);
  const status = statusOf({
    ...{ version: "1", detector: { name: "d", digest: "x" }, formats: ["jpeg"], policy: defaultPolicy, progress: [] },
    routes: [
      routeOf("broken", true, broken),
      routeOf("elsewhere", true, watchedElsewhere),
      // Nobody watches it anywhere.
      routeOf("asked", false, asked),
    ],
    limits: { maxBytes: 1, maxPixels: 1, maxFrames: 1, maxBatch: 1 },
    ...{ paused: { all: false, routes: ["broken"] }, room: { share: 0, words: "" } },
    restOf: (route) => (route === "elsewhere" ? { problem: silent, triedAt: now } : undefined),
  });
  assert.deepEqual(statusSchema.parse(status), status);
  assert.deepEqual(
    status.routes.map(({ name, originals, stands_by, problem, progress }) => [
      ...[name, originals, stands_by, problem, progress.paused],
    ]),
    [
      [
        ...["broken", "move", false],
        {
          ...{ code: "store-unavailable", title: "The store cannot be reached", detail: "still away" },
          ...{ remedy: "Mount it.", since: "2026-11-25T08:00:00.000Z" },
        },
        true,
      ],
      ["elsewhere", "move", true, null, false],
      ["asked", "move", false, null, false],
      ["upload", "delete", false, null, false],
    ],
  );
  assert.deepEqual(
    status.routes.map(({ resting }) => resting),
    [
      null,
      {
        ...{ code: "store-unavailable", title: "The store cannot be reached", detail: "silent for 30 s" },
        tried_at: "2026-11-25T08:02:00.000Z",
      },
      ...[null, null],
    ],
  );
  assert.deepEqual(status.paused, { all: false, routes: ["broken"] });
});
