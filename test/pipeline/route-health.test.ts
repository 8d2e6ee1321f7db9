import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Alert } from "../../src/alerts/alert.ts";
import { Problem } from "../../src/errors.ts";
import { createClockWatch, createRouteHealth } from "../../src/pipeline/route-health.ts";

function setUp() {
  const alerts: Alert[] = [];
  const clock = { now: 1_000_000, uptime: 0 };
  const options = {
    onAlert: (alert: Alert) => void alerts.push(alert),
    now: () => clock.now,
    uptime: () => clock.uptime,
  };
  const pass = (ms: number) => {
    clock.now += ms;
    clock.uptime += ms;
  };
  return { alerts, clock, options, pass };
}

describe("a route's health", () => {
  test("alarms once when its share goes and once when it is back", () => {
    const { alerts, options, pass } = setUp();
    const health = createRouteHealth({ ...options, route: "ward" });
    assert.equal(health.well(), false);
    for (const reason of ["away", "still away"]) {
      health.broken(new Problem("store-unavailable", reason));
      pass(5000);
    }
    assert.deepEqual([health.problem()?.message, health.brokenSince()], ["still away", 1_000_000]);
    assert.equal(health.well(), true);
    assert.deepEqual([health.problem(), health.brokenSince()], [undefined, undefined]);
    assert.deepEqual(alerts, [
      { kind: "share-gone", route: "ward", message: "Route ward is broken: away", at: 1_000_000 },
      { kind: "share-back", route: "ward", message: "Route ward works again", at: 1_010_000 },
    ]);
  });

  test("is not known while another process watches the route", () => {
    const health = createRouteHealth({ ...setUp().options, route: "ward" });
    health.broken(new Problem("store-unavailable", "away"));
    health.standBy(true);
    assert.deepEqual([health.standsBy(), health.problem(), health.brokenSince()], [true, undefined, undefined]);
    health.standBy(false);
    assert.equal(health.standsBy(), false);
  });

  test("alarms once for each silence, and never where none was asked for", () => {
    const { alerts, options, pass } = setUp();
    const health = createRouteHealth({ ...options, route: "ward", silentAfterMs: 3_600_000 });
    const patient = createRouteHealth({ ...options, route: "other" });
    const hours = (count: number) => {
      for (let i = 0; i < count * 60; i++) {
        pass(60_000);
        health.look();
        patient.look();
      }
    };
    hours(0.9);
    assert.equal(alerts.length, 0);
    hours(3);
    assert.deepEqual(
      alerts.map(({ kind, message }) => [kind, message]),
      [["silence", "Nothing has arrived on route ward for 60 min"]],
    );
    health.arrived();
    hours(0.9);
    assert.equal(alerts.length, 1);
    hours(1);
    assert.equal(alerts.length, 2);
  });

  test("does not take a clock that jumps for a silence; the jump is an alarm of its own", () => {
    const { alerts, options, clock, pass } = setUp();
    const health = createRouteHealth({ ...options, route: "ward", silentAfterMs: 3_600_000 });
    const look = createClockWatch(options);
    pass(1000);
    look();
    clock.now += 86_400_000;
    pass(1000);
    look();
    health.look();
    clock.now -= 120_000;
    look();
    clock.now += 30_000;
    look();
    assert.deepEqual(
      alerts.map(({ kind, message, route }) => [kind, message, route]),
      [
        ["clock-jump", "The clock was set forward by 24 h", undefined],
        ["clock-jump", "The clock was set back by 2 min", undefined],
      ],
    );
  });
});
