import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { loadConfig } from "../../src/config.ts";
import type { Problem } from "../../src/errors.ts";
import type { Card } from "../../src/eval/card.ts";
import { readHistory } from "../../src/eval/history.ts";
import { createEvaluationSchedule } from "../../src/eval-schedule.ts";
import { crowd } from "../fixtures/scenes.ts";
import { type Program, startProgram, temporaryDataDir, until } from "./program.ts";

let dataDir = "";
let photos = "";

before(async () => {
  dataDir = await temporaryDataDir();
  photos = join(dataDir, "labelled");
  await mkdir(photos);
  const made = await crowd([120, 80, 60], 700);
  await writeFile(join(photos, "a.jpg"), made.jpeg);
  const faces = made.truth.map(({ x, y, width, height }) => ({ x, y, w: width, h: height }));
  await writeFile(join(photos, "truth.jsonl"), `${JSON.stringify({ file: "a.jpg", faces })}\n`);
});
after(() => rm(dataDir, { recursive: true, force: true }));

const start = (...more: string[]) =>
  startProgram({ dataDir, flags: ["--set", `eval.folder=${photos}`, "--set", "policy.profile=fast", ...more] });

/** The program's figures, once it has any from after that time. */
function figures(program: Program, after: string): Promise<string> {
  return until(
    "a measured card",
    async () => {
      const text = await (await fetch(`${program.address}/metrics`)).text();
      const [, seconds = "0"] = /^veil_eval_measured_timestamp_seconds (\S+)$/m.exec(text) ?? [];
      await sleep(100);
      return Number(seconds) * 1000 > Date.parse(after) && text;
    },
    120_000,
  );
}

test("the service measures when it is time, keeps the card, and says at error level what got worse", async () => {
  const place = join(dataDir, "eval");
  {
    await using program = await start();
    const text = await figures(program, "2020-01-01");
    assert.match(text, /^veil_eval_recall\{slice="all"\} 1$/m);
    assert.match(text, /^veil_eval_lower_bound\{slice="all"\} 0\.29/m);
    assert.match(text, /^veil_eval_alert\{slice="all"\} 0$/m);
    assert.doesNotMatch(program.log(), /"level":50/);
  }
  // A fortnight passes.
  const { cards, baseline } = await readHistory(place);
  assert.deepEqual(cards, [baseline]);
  const [file] = [join(place, `${cards[0]!.measuredAt.replaceAll(":", "-")}.json`)];
  const old: Card = { ...cards[0]!, measuredAt: new Date(Date.now() - 14 * 86_400_000).toISOString() };
  await writeFile(
    join(place, `${old.measuredAt.replaceAll(":", "-")}.json`),
    await readFile(file, "utf8").then(() => JSON.stringify(old)),
  );
  await rm(file);
  {
    await using program = await start("--set", "policy.minScore=1");
    const text = await figures(program, new Date(Date.now() - 86_400_000).toISOString());
    assert.match(text, /^veil_eval_recall\{slice="all"\} 0$/m);
    assert.match(text, /^veil_eval_alert\{slice="all"\} 1$/m);
    await until("the log line", async () =>
      /"level":50.*"alert":"leak-rate".*leak rate: all: 0\.0 %/.test(program.log()),
    );
  }
  assert.equal((await readHistory(place)).cards.length, 2);
});

test("a measurement that fails is told with its reason, and one in work ends when the service stops", async () => {
  await writeFile(join(photos, "truth.jsonl"), "{}\n");
  const flags = { dataDir: join(dataDir, "other"), set: [`eval.folder=${photos}`] };
  const config = loadConfig({ flags, env: {}, cwd: dataDir });
  const told: Problem[] = [];
  const place = join(dataDir, "none");
  const onProblem = (problem: Problem) => told.push(problem);
  const schedule = await createEvaluationSchedule({ config, place, onAlert: () => assert.fail("no alert"), onProblem });
  const stopping = new AbortController();
  const ended = schedule.run(stopping.signal);
  await until("the problem", async () => told.length > 0, 120_000);
  assert.match(told[0]!.message, /measurement failed: exit code 2 .*truth\.jsonl:1: file: expected string/s);
  stopping.abort();
  await ended;

  const again = new AbortController();
  const cut = schedule.run(again.signal);
  again.abort();
  await cut;
  assert.equal(told.length, 1, "what was given up is no failure");
  assert.equal(schedule.figures().measuredAt, undefined);
});
