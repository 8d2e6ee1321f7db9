import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { problems } from "../../src/errors.ts";
import type { AnonymizedItem, ProblemBody } from "../../src/http/schema.ts";
import { until } from "../e2e/program.ts";
import { enginesOf } from "../engine/processes.ts";
import { type Client, form, startClient } from "../http/client.ts";
import { residentMiB } from "../http/idle-clients.ts";
import { assertFlat } from "./campaign.ts";
import { assertFilled, framesIn } from "./check-masked.ts";
import { mutant } from "./mutant.ts";
import { isOfPixels, type Outcome, tableOf } from "./report.ts";
import { makeSeeds } from "./seeds.ts";

const limits = ["limits.maxPixels=4000000", "limits.maxFrames=50", "engine.processes=2", "engine.deadlineMs=20000"];
const width = 3;

/** Mutants through the running program: each is answered, by a masked picture or a problem, and nothing is left. */
export async function fuzzService(t: TestContext, { row, count }: { row: number; count: number }): Promise<void> {
  const seeds = await makeSeeds();
  await using veil = await startClient({ flags: [...limits, "cache.driver=none"].flatMap((set) => ["--set", set]) });
  const outcomes: Outcome[] = [];
  const resident: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const number = next++;
      const { of, file } = mutant(seeds, row, number);
      const { code, decoded } = await answerTo(veil, file, `row ${row} number ${number} (${of.name})`);
      outcomes.push({ of: of.format, code, decoded });
      if (number % Math.max(1, Math.floor(count / 30)) === 0) resident.push((await residentMiB(veil.pid)) * 2 ** 20);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  for (const line of tableOf(outcomes).split("\n")) t.diagnostic(line);
  assert.equal(outcomes.length, count);
  await until("an empty spool", async () => (await veil.spoolFiles()).length === 0, 5000);
  assert.ok(enginesOf(veil.pid).length <= 2);
  assert.doesNotMatch(veil.log(), /"level":60/);
  assertFlat(resident, "the service");
  assert.equal(await veil.stop(), 0, veil.log().slice(-2000));
}

async function answerTo(veil: Client, file: Buffer, about: string): Promise<Pick<Outcome, "code" | "decoded">> {
  const answer = await veil.post("/api/v1/anonymize?detail=1&style=solid&profile=fast", form("image", [file]));
  if (answer.status !== 200) {
    const { code, status, detail } = (await answer.json()) as ProblemBody;
    const known = (problems as Record<string, { readonly status: number }>)[code];
    assert.deepEqual([answer.status, status], [known?.status, known?.status], about);
    assert.notEqual(code, "internal", about);
    return { code, decoded: isOfPixels(code, detail) };
  }
  const { anonymized_base64, regions, frames } = (await answer.json()) as AnonymizedItem;
  const shown = await framesIn(Buffer.from(anonymized_base64!, "base64"));
  const whole = shown.length === frames;
  assertFilled(shown, whole ? regions : regions.filter(({ frame }) => frame === undefined), about);
  return { code: "masked", decoded: true };
}
