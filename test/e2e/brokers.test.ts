import assert from "node:assert/strict";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import sharp from "sharp";
import type { JobsResponse } from "../../src/http/schema.ts";
import { allTopics } from "../../src/queues/kafka-topics.ts";
import { noKafka, startKafkaServer } from "../fixtures/kafka-server.ts";
import { startRabbit, withoutRabbit } from "../fixtures/rabbitmq-server.ts";
import { type Program, startProgram, temporaryDataDir, until } from "./program.ts";

const rabbit = withoutRabbit() === false ? await startRabbit() : undefined;
const kafka = noKafka === false ? await startKafkaServer() : undefined;
after(async () => {
  await rabbit?.[Symbol.asyncDispose]();
  await kafka?.[Symbol.asyncDispose]();
});

const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
const count = 60;
const common = ["--set", "jobs.leaseMs=6000", "--set", "folder.reconcileMs=2000", "--set", "cache.driver=none"];

async function drop(dataDir: string): Promise<void> {
  const folder = join(dataDir, "input_photos");
  await mkdir(folder, { recursive: true });
  for (let i = 0; i < count; i++) {
    const picture = sharp(portrait)
      .resize(160 + i)
      .modulate({ hue: i });
    await writeFile(join(folder, `photo-${i}.jpg`), await picture.jpeg().toBuffer());
  }
}

async function countsOf({ address }: Program): Promise<JobsResponse["counts"]> {
  return ((await (await fetch(`${address}/api/v1/jobs?limit=1`)).json()) as JobsResponse).counts;
}

/** Photographs while the program is killed and the broker restarted; at the end each is masked, by one job. */
async function survives(flags: readonly string[], disturb: () => Promise<void>): Promise<void> {
  const dataDir = await temporaryDataDir();
  const options = { dataDir, flags: [...common, ...flags] };
  try {
    const first = await startProgram(options);
    await drop(dataDir);
    await until("some are done", async () => ((await countsOf(first)).done ?? 0) >= 5, 60_000);
    await first.kill();
    const second = await startProgram(options);
    await until("some more are done", async () => ((await countsOf(second)).done ?? 0) >= 15, 60_000);
    await disturb();
    await until("all are done", async () => ((await countsOf(second)).done ?? 0) === count, 120_000);
    const { jobs, counts } = (await (await fetch(`${second.address}/api/v1/jobs?limit=500`)).json()) as JobsResponse;
    assert.deepEqual([jobs.length, counts.dead ?? 0], [count, 0]);
    assert.equal(await second.stop(), 0);
    const outputs = await readdir(join(dataDir, "output_anonymous"));
    assert.equal(outputs.filter((name) => name.endsWith(".jpg") && !name.startsWith(".")).length, count);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

describe("the service over a broker", () => {
  it("says what the configuration lacks", async () => {
    await assert.rejects(startProgram({ flags: ["--set", "queue.driver=kafka"] }), /kafka needs queue.brokers/);
  });

  it("masks every photograph once over RabbitMQ, killed and with a broker that restarts", {
    skip: withoutRabbit(),
  }, async () => {
    await survives(["--set", "queue.driver=rabbitmq", "--set", `queue.url=${rabbit!.url}`], async () => {
      await rabbit!.kill();
      await rabbit!.start();
    });
  });

  it("masks every photograph once over Kafka, killed in the middle", { skip: noKafka }, async () => {
    await kafka!.createTopics(allTopics("veil"), 1);
    await survives(["--set", "queue.driver=kafka", "--set", `queue.brokers=${kafka!.address}`], async () => {});
  });
});
