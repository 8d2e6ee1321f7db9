import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { noKafka } from "../fixtures/kafka-server.ts";
import { withoutRabbit } from "../fixtures/rabbitmq-server.ts";
import { endsOf, kafkaChaos, rabbitChaos } from "./chaos-drivers.ts";
import { tableOf } from "./chaos-report.ts";
import { makeAlbum } from "./chaos-world.ts";

const album = await makeAlbum();

describe("killed over a broker that dies or hangs, veil masks every photograph once and leaves nothing behind", () => {
  it("needs no broker to say in which order it is killed", () => {
    assert.deepEqual(endsOf(2), ["admitted", "published"]);
  });

  it("over RabbitMQ", { skip: withoutRabbit() }, async (t) => {
    const report = await rabbitChaos(album, ["published", "put", "recorded", "over", "random"], { broker: 4 });
    t.diagnostic(tableOf([report]));
    assert.equal(report.kills.length, 5);
  });

  it("over Kafka", { skip: noKafka }, async (t) => {
    const report = await kafkaChaos(album, ["put", "recorded"], { broker: 2 });
    t.diagnostic(tableOf([report]));
    assert.equal(report.kills.length, 2);
  });
});
