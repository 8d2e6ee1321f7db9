import type { IsolationChoice } from "../../src/core/isolation.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import { createPool } from "../../src/engine/pool.ts";
import { bundled } from "./detectors.ts";

/*
 * A service for a test to kill: opens the picture and, unless its decoder is never done, gives its engine process work
 * that keeps it from listening for many seconds.
 */
const [spool, path, isolation] = process.argv.slice(2) as [string, string, IsolationChoice];
const limits = { maxBytes: 2 ** 29, maxPixels: 120e6, maxFrames: 500 };
const pool = createPool({
  ...{ processes: 1, deadlineMs: 120_000, memoryMb: 1536, spool, limits, detector: bundled, isolation },
});
await pool.detector();
process.send?.("opening");
const picture = await pool.open(path);
// Each is compared with each other.
const region = { kind: "face", box: { x: 200, y: 200, width: 4, height: 4 }, score: 1 } as const;
const rendering = picture.render(Array(100_000).fill(region), defaultPolicy);
process.send?.("busy");
await rendering;
process.send?.("rendered");
