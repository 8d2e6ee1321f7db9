import { mkdir, readdir } from "node:fs/promises";
import type { IsolationChoice } from "../../src/core/isolation.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import { createPool } from "../../src/engine/pool.ts";
import { bundled } from "./detectors.ts";

/* A small service for a test to start as another user: says what its engine process found out, and what it found. */
const [spool, path, isolation] = process.argv.slice(2) as [string, string, IsolationChoice];
await mkdir(spool, { mode: 0o700 });
const limits = { maxBytes: 2 ** 26, maxPixels: 50e6, maxFrames: 20 };
const pool = createPool({
  processes: 1,
  deadlineMs: 60_000,
  memoryMb: 1536,
  spool,
  limits,
  detector: bundled,
  isolation,
});
const confinement = await pool.confinement();
const picture = await pool.open(path);
const policy = { ...defaultPolicy, minScore: 0.8 };
const regions = await picture.detect(policy);
await picture.render(regions, policy);
await picture.close();
await pool.close();
process.stdout.write(JSON.stringify({ confinement, regions: regions.length, left: await readdir(spool) }));
