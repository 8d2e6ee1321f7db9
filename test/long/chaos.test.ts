import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { after, describe, it } from "node:test";
import { points } from "../../src/points.ts";
import { endsOf, kafkaChaos, rabbitChaos, sqliteChaos } from "../e2e/chaos-drivers.ts";
import { type ChaosReport, tableOf } from "../e2e/chaos-report.ts";
import { makeAlbum } from "../e2e/chaos-world.ts";
import { noKafka } from "../fixtures/kafka-server.ts";
import { withoutRabbit } from "../fixtures/rabbitmq-server.ts";

const album = await makeAlbum();
const reports: ChaosReport[] = [];
// A full disk ends some lives in order: those are no kills.
const wanted = { sqlite: 122, rabbitmq: 70, kafka: 20 };

after(async () => {
  const cache = new URL("../../.cache/", import.meta.url);
  await mkdir(cache, { recursive: true });
  await writeFile(new URL("chaos-report.json", cache), `${JSON.stringify(reports, null, 2)}\n`);
});

describe("two hundred kills, after each of which veil goes on", () => {
  it("over SQLite, with a full disk and a share that is dropped", async (t) => {
    reports.push(await sqliteChaos(album, endsOf(wanted.sqlite), { full: 9, share: 7 }));
    t.diagnostic(tableOf(reports));
  });

  it("over RabbitMQ, with a broker that is killed too", { skip: withoutRabbit() }, async (t) => {
    reports.push(await rabbitChaos(album, endsOf(wanted.rabbitmq), { broker: 10 }));
    t.diagnostic(tableOf(reports));
  });

  it("over Kafka, with a broker that hangs", { skip: noKafka }, async (t) => {
    reports.push(await kafkaChaos(album, endsOf(wanted.kafka), { broker: 5 }));
    t.diagnostic(tableOf(reports));
  });

  it("was killed at least five times at each point", (t) => {
    const kills = reports.flatMap((report) => report.kills);
    t.diagnostic(`${kills.length} kills; the whole report: .cache/chaos-report.json`);
    for (const point of points) assert.ok(kills.filter(({ at }) => at === point).length >= 5, point);
    if (reports.length === 3) assert.ok(kills.length >= 200, `${kills.length} kills`);
  });
});
