import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Isolation } from "../../src/core/isolation.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { without } from "../engine/sandboxed.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { startProgram } from "./program.ts";

/** What the running program and `veil doctor` say that engine processes are shut into. */
async function told(isolation: Isolation) {
  const set = ["--set", `engine.isolation=${isolation}`];
  await using veil = await startProgram({ flags: set });
  const metrics = await (await fetch(`${veil.address}/metrics`)).text();
  const [, labels] = /^veil_engine_isolation\{(.*)\} 1$/m.exec(metrics)!;
  const line = veil
    .log()
    .split("\n")
    .find((one) => one.includes("engine.isolation is"));
  const { level, msg } = JSON.parse(line!) as { level: number; msg: string };
  await using folder = await temporaryFolder();
  const { code, out } = await veilCommand(folder.path, "doctor", ...set);
  return { labels, level, msg, code, doctor: /^(. Isolation .*)$/m.exec(out)![1] };
}

describe("what engine processes are shut into is said by log, metric and doctor", () => {
  test("where it is bubblewrap", { skip: without("bubblewrap") }, async () => {
    const { labels, level, msg, code, doctor } = await told("bubblewrap");
    assert.equal(labels, 'kind="bubblewrap",network="no",files="no"');
    const user = process.geteuid?.() === 0 ? "a user for each, " : "";
    const words = `bubblewrap: no network, no file but the picture, ${user}no new privileges, calls of the kernel filtered`;
    assert.deepEqual([level, msg], [30, `engine.isolation is ${words}`]);
    assert.deepEqual([code, doctor], [0, `✓ Isolation      ${words}`]);
  });

  test("where it is nothing, as a warning", async () => {
    const { labels, level, msg, code, doctor } = await told("none");
    assert.equal(labels, 'kind="none",network="yes",files="yes"');
    assert.deepEqual([level, code], [40, 0]);
    assert.match(msg, /^engine\.isolation is none: engine processes may do whatever veil may$/);
    assert.match(doctor!, /^! Isolation {6}none: .*; see docs\/isolation\.md$/);
  });
});
