import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config, routesOf } from "../config.ts";
import { isFinished } from "../core/job.ts";
import type { Policy } from "../core/policy.ts";
import { selfTestPrefix } from "../core/self-test-name.ts";
import type { DataFolder } from "../data-folder.ts";
import { Problem, type ProblemCode, toProblem } from "../errors.ts";
import type { JobRecord } from "../ledger/ledger.ts";
import { putMasked } from "../pipeline/deliver.ts";
import { createKeyFilter, doneFileOf, type KeyFilterOptions } from "../pipeline/key-filter.ts";
import { createReview } from "../pipeline/review.ts";
import { outputKey } from "../pipeline/route.ts";
import type { Store } from "../stores/store.ts";
import type { CommandEngine } from "./engine.ts";
import { requireMasked } from "./selftest-look.ts";

export interface RouteTest {
  readonly route: string;
  readonly settings: ReturnType<typeof routesOf> extends Map<string, infer Settings> ? Settings : never;
  readonly config: Config;
  readonly data: DataFolder;
  readonly engine: CommandEngine;
  readonly timeoutMs: number;
  /** Of this test alone. */
  readonly id: string;
  /** JPEG. */
  readonly picture: Buffer;
}

const readOnly: readonly ProblemCode[] = ["store-denied"];

/** Answers in words how it went; rejects where the face did not come out masked. Nothing of it is left in input or output. */
export async function testRoute(test: RouteTest): Promise<string> {
  const { route, settings, config, data, picture } = test;
  const { input, output, moved } = data.openRoute(route, settings, config.stores);
  const key = keyFor(settings, test.id);
  if (!settings.watch || key === undefined) {
    const why = settings.watch ? "no name of a test's fits the route's patterns" : "the route takes nothing by itself";
    return throughPolicy(test, output, why);
  }
  const doneFile = settings.doneFile === undefined ? [] : [doneFileOf(settings.doneFile, key)];
  try {
    try {
      await put(input, key, picture);
      for (const name of doneFile) await put(input, name, Buffer.alloc(0));
    } catch (error) {
      const problem = toProblem(error);
      if (!readOnly.includes(problem.code)) throw problem;
      return await throughPolicy(test, output, "the input is read-only");
    }
    const began = performance.now();
    const record = await ended(test, key);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    if (record.state === "held") {
      await requireNothing(output, record.job.output.key);
      return `${heldWords}, by the running service in ${seconds} s; nothing was written`;
    }
    const masked = await bytesOf(output, record.job.output.key);
    if (createHash("sha256").update(masked).digest("hex") !== record.last.output?.sha256) {
      throw new Problem("internal", "What lies at the output is not what the ledger says was delivered");
    }
    const faces = await requireMasked(test, masked);
    await output.remove(record.job.output.key);
    await data.ledger.append({ jobId: record.job.id, kind: "removed", at: Date.now(), message: "self-test" });
    return `${faces} masked, by the running service in ${seconds} s`;
  } finally {
    const left = [input, ...(moved ? [moved] : [])].flatMap((store) =>
      [key, ...doneFile].map((name) => store.remove(name)),
    );
    await Promise.allSettled([...left, output.remove(outputKey(key))]);
  }
}

/** Where nothing can be put into the input: the policy, the engine and the output, in this process. */
async function throughPolicy(test: RouteTest, output: Store, why: string): Promise<string> {
  const { settings, data, engine, picture, id } = test;
  const { pool, spool, signal } = engine;
  const key = `${selfTestPrefix}${id}.jpg`;
  await using original = await spool.receive(Readable.from([picture]), { maxBytes: picture.length });
  await using opened = await pool.open(original, { signal, lane: "interactive" });
  let regions: Awaited<ReturnType<typeof opened.detect>>;
  try {
    regions = await opened.detect(settings.policy);
  } catch (error) {
    if (!holds(settings.policy, toProblem(error).code)) throw error;
    return `${heldWords}, by this command: ${why}, so that neither the way in nor the output was tried`;
  }
  const masked = await opened.render(regions, settings.policy);
  try {
    await putMasked(output, key, masked, { ifNoneMatch: "*" });
    const faces = await requireMasked(test, await bytesOf(output, key));
    await data.ledger.note({
      ...{ at: Date.now(), outcome: "masked", policy: settings.policy, regions: regions.length },
      input: { size: original.size, sha256: original.sha256 },
      output: { size: masked.size, sha256: masked.sha256, contentType: masked.contentType },
      ...{ regionsFrom: "detector", detector: await pool.detector() },
    });
    return `${faces} masked and delivered, by this command: ${why}, so that the way in was not tried`;
  } finally {
    await output.remove(key).catch(() => {});
  }
}

const heldWords = "held for a person, as the policy has it (policy.verify: hold)";

/** Whether the second look kept the picture back, as the policy asks it to: then the route works. */
function holds({ verify }: Policy, code: ProblemCode | undefined): boolean {
  return verify === "hold" && code === "doubtful";
}

async function requireNothing(output: Store, key: string): Promise<void> {
  if ((await output.head(key)) === undefined) return;
  throw new Problem("internal", `The picture is held for a person, and yet ${key} lies at the output`, {
    remedy: "Stop this route and tell: a fault of veil's",
  });
}

/** The job's record, once it was delivered, or held as its policy has it; one that is held is closed, so that nobody is asked. */
async function ended(test: RouteTest, key: string): Promise<JobRecord> {
  const { route, data, engine, timeoutMs } = test;
  const end = performance.now() + timeoutMs;
  let last: JobRecord | undefined;
  while (performance.now() < end) {
    engine.signal.throwIfAborted();
    const { records } = await data.ledger.find({ route, key, limit: 1 });
    last = records[0];
    if (last?.state === "done") return last;
    if (last?.state === "held") {
      await createReview(data).reject(last.job.id, "a self-test");
      if (holds(last.job.policy, last.last.code)) return last;
    }
    if (last !== undefined && isFinished(last.state)) {
      const { code = "internal", message = `it ended as ${last.state}` } = last.last;
      throw new Problem(code, `The picture was not masked: ${message} (job ${last.job.id})`);
    }
    await sleep(200);
  }
  const seconds = timeoutMs / 1000;
  if (last === undefined) {
    throw new Problem("timeout", `Nobody took the picture within ${seconds} s: ${key}`, { remedy: await whyNot(test) });
  }
  const detail = `The picture was taken and not masked within ${seconds} s: job ${last.job.id} is ${last.state}`;
  throw new Problem("timeout", detail, { remedy: await whyNot(test) });
}

async function whyNot({ route, data, config }: RouteTest): Promise<string> {
  const { all, routes } = await data.pauses.read();
  if (all || routes.includes(route)) return `The route is paused: veil jobs resume --route ${route}`;
  if (config.jobs.window !== undefined) return `Bulk work rests outside jobs.window, ${config.jobs.window}`;
  return "Is veil serving, with room on its disks? Its log and veil doctor say more";
}

/** A name that the route takes, of those that begin as reserved. */
function keyFor(settings: KeyFilterOptions, id: string): string | undefined {
  const name = `${selfTestPrefix}${id}.jpg`;
  const fitted = settings.include.map((pattern) =>
    pattern
      .replace(/\{([^,}]*)[^}]*\}/g, "$1")
      .split("/")
      .map((part, index, parts) => {
        const isLast = index === parts.length - 1;
        if (part === "**") return isLast ? name : "veil-selftest";
        return isLast
          ? part.replace(/^\*+/, `${selfTestPrefix}${id}`).replace(/\*+$/, "jpg").replaceAll(/[*?]/g, "x")
          : part.replaceAll(/[*?]/g, "x");
      })
      .join("/"),
  );
  const takes = createKeyFilter(settings);
  return [name, ...fitted].find((key) => key.includes(id) && takes(key));
}

async function put(store: Store, key: string, bytes: Buffer): Promise<void> {
  await store.put(key, Readable.from([bytes]), { contentType: "image/jpeg", size: bytes.length, ifNoneMatch: "*" });
}

async function bytesOf(store: Store, key: string): Promise<Buffer> {
  const { stream } = await store.get(key);
  return Buffer.concat(await stream.toArray());
}
