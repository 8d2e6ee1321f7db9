import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { points } from "../../src/points.ts";
import { sqliteChaos } from "./chaos-drivers.ts";
import { tableOf } from "./chaos-report.ts";
import { makeAlbum } from "./chaos-world.ts";

const album = await makeAlbum();

describe("killed at each point of a job's life, with a disk that is full now and then", () => {
  it("veil over SQLite masks every photograph once, loses nothing and leaves nothing behind", async (t) => {
    const report = await sqliteChaos(album, points, { full: 6 });
    t.diagnostic(tableOf([report]));
    // A full disk under its ledger stops it before the point: that life is no kill.
    assert.equal(report.kills.length + report.stops, points.length);
    assert.ok(new Set(report.kills.map(({ at }) => at)).size >= points.length - 2, tableOf([report]));
  });
});
