import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import sharp from "sharp";
import { startProgram, temporaryDataDir, until } from "../e2e/program.ts";
import { portraitJpeg } from "../http/client.ts";
import { percentile, residentMiB, runLoad } from "./load-run.ts";

/** How long each part takes. */
export interface Lengths {
  readonly alone: number;
  readonly crowd: number;
  readonly beside: number;
}

const clients = 200;
const flags = ["--set", "cache.driver=none", "--set", "policy.profile=fast", "--set", "folder.settleMs=50"];

/** Two hundred clients get what one gets, in turn, and nobody is let down; whoever waits is not stuck behind an import. */
export async function manyClients(context: TestContext, { alone, crowd, beside }: Lengths): Promise<void> {
  const dataDir = await temporaryDataDir();
  await using _gone = { [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }) };
  await using veil = await startProgram({ dataDir, flags });
  const { address, pid } = veil;
  const picture = await portraitJpeg();
  // The first ones pay for what is loaded and compiled.
  await runLoad({ address, clients: 4, seconds: 1, picture });
  const one = await runLoad({ address, clients: 1, seconds: alone, picture });

  let early = 0;
  const watching = setTimeout(async () => {
    early = await residentMiB(pid);
  }, crowd * 300);
  const many = await runLoad({ address, clients, seconds: crowd, picture });
  clearTimeout(watching);
  const late = await residentMiB(pid);
  const { statuses, goodput, latencies, silentRefusals } = many;
  const p99 = percentile(latencies, 0.99);
  // Little's law: so many in the house at once, so many leaving a second.
  const expected = (clients / goodput) * 1000;
  const said = [
    `one client ${one.goodput.toFixed(1)}/s, ${clients} clients ${goodput.toFixed(1)}/s`,
    `p50 ${percentile(latencies, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, by Little ${expected.toFixed(0)} ms`,
    `memory ${early.toFixed(0)} MiB early, ${late.toFixed(0)} MiB late; ${JSON.stringify([...statuses])}`,
  ];
  for (const line of said) context.diagnostic(line);
  for (const status of statuses.keys()) assert.ok([200, 429, 503].includes(status), said.join("\n"));
  assert.equal(silentRefusals, 0, "a refusal did not say when to come again");
  assert.ok(goodput >= 0.9 * one.goodput, said.join("\n"));
  assert.ok(p99 <= 2 * expected, said.join("\n"));
  assert.ok(late <= early * 1.25 + 100, said.join("\n"));

  // An import of large pictures keeps every engine process busy; a person's small one goes before them.
  const large = await sharp(picture).resize(2400).jpeg().toBuffer();
  const input = join(dataDir, "input_photos");
  await mkdir(input, { recursive: true });
  for (let index = 0; index < beside * 20; index++) await writeFile(join(input, `${index}.jpg`), large);
  const isAtWork = async () => {
    const answer = await fetch(`${address}/api/v1/jobs?limit=1`);
    const { counts } = (await answer.json()) as { counts: Record<string, number> };
    return counts.done! > 0 && counts.admitted! + counts.started! > 5;
  };
  await until("the import is under way", isAtWork);
  const interactive = await runLoad({ address, clients: 1, seconds: beside, picture });
  assert.ok(await isAtWork(), "the import had ended before");
  const usual = percentile(one.latencies, 0.5);
  const p95 = percentile(interactive.latencies, 0.95);
  context.diagnostic(`a person waits ${usual.toFixed(0)} ms as a rule, beside an import p95 ${p95.toFixed(0)} ms`);
  // At most one picture of the import is waited for, and the processor is shared with others.
  assert.ok(p95 < usual * 4 + 1500, `p95 ${p95} ms beside ${usual} ms`);
}
