import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Point, points } from "../../src/points.ts";
import { allTopics } from "../../src/queues/kafka-topics.ts";
import { startKafkaServer } from "../fixtures/kafka-server.ts";
import { startRabbit } from "../fixtures/rabbitmq-server.ts";
import { startSamba, withoutSamba } from "../fixtures/samba.ts";
import { mountSmallDisk } from "./chaos-disk.ts";
import type { ChaosReport } from "./chaos-report.ts";
import { runChaos } from "./chaos-run.ts";
import type { Album } from "./chaos-world.ts";

type Ends = readonly (Point | "random")[];
interface Often {
  /** In every so many lives; absent: never. */
  readonly full?: number;
  readonly share?: number;
  readonly broker?: number;
}

/** So many ends, every point in turn and a random moment among them. */
export function endsOf(count: number): Ends {
  const cycle: Ends = [...points, "random", "random", "random"];
  return Array.from({ length: count }, (_, index) => cycle[index % cycle.length]!);
}

/** The built-in queue; with a disk that is full now and then, and a share that is dropped. */
export async function sqliteChaos(album: Album, ends: Ends, often: Often): Promise<ChaosReport> {
  await using held = new AsyncDisposableStack();
  const disk = often.full === undefined ? undefined : await mountSmallDisk();
  if (typeof disk === "object") held.use(disk);
  const noShare = withoutSamba();
  const samba = often.share === undefined || noShare !== false ? undefined : held.use(await startSamba());
  if (samba !== undefined) {
    await mkdir(join(samba.exported, "out"));
    await samba.mount();
  }
  return await runChaos({
    ...{ driver: "sqlite", album, ends },
    ...(typeof disk === "object" && { root: disk.root }),
    ...(samba && { share: samba.mounted }),
    disturb: {
      ...(typeof disk === "object" && { "disk full": { every: often.full!, how: () => disk.fill(1500) } }),
      ...(samba && {
        "share dropped": {
          every: often.share!,
          async how() {
            await samba.unmount();
            await sleep(2000);
            await samba.mount();
          },
        },
      }),
    },
    notRun: {
      ...(typeof disk === "string" && { "disk full": disk }),
      ...(often.share !== undefined && noShare !== false && { "share dropped": noShare }),
    },
  });
}

/** RabbitMQ, that is killed and started again now and then. */
export async function rabbitChaos(album: Album, ends: Ends, often: Often): Promise<ChaosReport> {
  await using broker = await startRabbit();
  return await runChaos({
    ...{ driver: "rabbitmq", album, ends, queue: ["queue.driver=rabbitmq", `queue.url=${broker.url}`] },
    disturb: {
      ...(often.broker && {
        "broker killed": {
          every: often.broker,
          async how() {
            await broker.kill();
            await broker.start();
          },
        },
      }),
    },
  });
}

/** A Kafka that hangs now and then: what is killed here forgets everything. */
export async function kafkaChaos(album: Album, ends: Ends, often: Often): Promise<ChaosReport> {
  await using broker = await startKafkaServer();
  await broker.createTopics(allTopics("veil"), 1);
  return await runChaos({
    ...{ driver: "kafka", album, ends, queue: ["queue.driver=kafka", `queue.brokers=${broker.address}`] },
    // A dead process keeps its partitions for six seconds.
    patienceMs: 40_000,
    disturb: {
      ...(often.broker && {
        "broker hung": {
          every: often.broker,
          async how() {
            await broker.pause();
            await sleep(1500);
            broker.resume();
          },
        },
      }),
    },
  });
}
