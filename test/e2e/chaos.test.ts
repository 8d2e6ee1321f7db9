import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { points } from "../../src/points.ts";
import { tableOf } from "./chaos-report.ts";
import { runChaos } from "./chaos-run.ts";
import { makeAlbum } from "./chaos-world.ts";

const album = await makeAlbum();

describe("killed at the worst moments", () => {
  it("veil over SQLite loses nothing, does nothing twice and leaves nothing behind", async (t) => {
    const report = await runChaos({ driver: "sqlite", album, ends: [...points, "random"] });
    t.diagnostic(tableOf([report]));
    for (const point of points) assert.equal(report.kills.filter(({ at }) => at === point).length, 1, point);
  });
});
