import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { enginesOf } from "../engine/processes.ts";
import { markedFormats, markedPicture, numberIn } from "../fixtures/marked-pictures.ts";
import { type Client, form, startClient } from "./client.ts";

const count = 104;
let veil: Client;
let pictures: readonly Buffer[];

before(async () => {
  const flags = ["cache.driver=none", "policy.profile=fast", "engine.processes=2"].flatMap((set) => ["--set", set]);
  [veil, pictures] = await Promise.all([
    startClient({ flags }),
    Promise.all(Array.from({ length: count }, (_, number) => markedPicture(number))),
  ]);
});
after(() => veil[Symbol.asyncDispose]());

/** Sent until it is answered: an engine process may die under it, which costs one try. */
async function masked(number: number, tries = 1): Promise<Buffer> {
  const answer = await veil.post("/api/v1/anonymize", form("image", [pictures[number]!]));
  if (answer.status === 500 && tries > 1) {
    assert.equal(((await answer.json()) as { code: string }).code, "crashed");
    return masked(number, tries - 1);
  }
  assert.equal(answer.status, 200, `${number}: ${answer.status}`);
  assert.ok(Number(answer.headers.get("x-veil-regions")) >= 1, `${number}: no face`);
  return Buffer.from(await answer.arrayBuffer());
}

const digest = (file: Buffer) => createHash("sha256").update(file).digest("hex");

describe("pictures of many clients", () => {
  const alone: string[] = [];

  test("each in its turn show their own number, and the same bytes when they are sent again", async () => {
    for (let number = 0; number < count; number++) {
      const file = await masked(number);
      alone.push(digest(file));
      assert.equal(await numberIn(file), number);
      if (number < 2 * markedFormats.length) assert.equal(digest(await masked(number)), alone[number], `${number}`);
    }
    assert.equal(new Set(alone).size, count);
  });

  test("all at once, in another order, come back as when each was alone", async () => {
    const order = Array.from({ length: count }, (_, index) => (index * 77) % count);
    const files = await Promise.all(order.map((number) => masked(number)));
    for (const [at, file] of files.entries()) assert.equal(digest(file), alone[order[at]!], `${order[at]}`);
  });

  test("all at once, while engine processes are killed, come back as when each was alone", async () => {
    const some = pictures.slice(0, 40);
    const killed = new Set<number>();
    const killer = (async () => {
      while (killed.size < 3) {
        await sleep(150);
        const engine = enginesOf(veil.pid).find((pid) => !killed.has(pid));
        if (engine === undefined) continue;
        process.kill(engine, "SIGKILL");
        killed.add(engine);
      }
    })();
    const files = await Promise.all(some.map((_, number) => masked(number, 5)));
    await killer;
    const replaced = /^veil_engine_processes\{state="replaced"\} (\d+)$/m;
    const metrics = await (await veil.get("/metrics")).text();
    assert.ok(Number(replaced.exec(metrics)![1]) >= 2, "none was killed over a picture");
    for (const [number, file] of files.entries()) assert.equal(digest(file), alone[number], `${number}`);
    assert.deepEqual(await veil.spoolFiles(), []);
  });
});
