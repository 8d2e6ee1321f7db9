import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { JobsResponse } from "../../src/http/schema.ts";
import { portraitOf } from "../fixtures/hosts.ts";
import { startProgram, until } from "./program.ts";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

/** A collector that keeps what it is sent. */
async function startCollector() {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      bodies.push(body);
      response.setHeader("content-type", "application/json").end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    text: () => bodies.join("\n"),
    spans: () =>
      bodies.flatMap((body) =>
        JSON.parse(body).resourceSpans.flatMap((one: { scopeSpans: { spans: Span[] }[] }) =>
          one.scopeSpans.flatMap(({ spans }) => spans),
        ),
      ) as Span[],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

test("each attempt at a job and each request is traced, with its stages and without a name", async () => {
  await using collector = await startCollector();
  const flags = [
    "--set",
    `tracing.url=${collector.url}`,
    "--set",
    "engine.processes=1",
    "--set",
    "folder.incompleteMs=0",
    "--set",
    "policy.minScore=0.8",
  ];
  await using veil = await startProgram({ flags });
  await writeFile(join(veil.dataDir, "input_photos", "Erika Mustermann.jpg"), await portraitOf(300));
  await writeFile(join(veil.dataDir, "input_photos", "cut.jpg"), (await portraitOf(310)).subarray(0, 4000));
  const [traceId, spanId] = ["ab".repeat(16), "cd".repeat(8)];
  const headers = { traceparent: `00-${traceId}-${spanId}-01` };
  const jobs = await until("both have ended", async () => {
    const reply = await fetch(`${veil.address}/api/v1/jobs?route=folder`, { headers });
    const { counts, jobs } = (await reply.json()) as JobsResponse;
    return (counts.done ?? 0) + (counts.dead ?? 0) === 2 && jobs;
  });
  assert.equal(await veil.stop(), 0);

  const spans = collector.spans();
  const masked = jobs.find(({ state }) => state === "done")!;
  const span = spans.find((one) => one.traceId === masked.id && one.parentSpanId === undefined)!;
  assert.equal(span.name, "job done");
  const stages = spans.filter(({ parentSpanId }) => parentSpanId === span.spanId);
  for (const stage of ["get", "open", "detect", "render", "put"])
    assert.ok(
      stages.some(({ name }) => name === stage),
      stage,
    );
  for (const { startTimeUnixNano, endTimeUnixNano } of stages) {
    assert.ok(BigInt(startTimeUnixNano) >= BigInt(span.startTimeUnixNano));
    assert.ok(BigInt(endTimeUnixNano) <= BigInt(span.endTimeUnixNano));
  }
  const values = Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  assert.deepEqual([values["veil.route"], values["veil.regions"], values["veil.attempt"]], ["folder", 1, 1]);
  const dead = spans.find(({ name }) => name === "job dead")!;
  assert.deepEqual(dead.status, { code: 2, message: "unreadable" });
  const request = spans.find((one) => one.traceId === traceId)!;
  assert.deepEqual([request.name, request.parentSpanId], ["GET /api/v1/jobs", spanId]);
  assert.doesNotMatch(collector.text(), /Mustermann|cut\.jpg|input_photos|route=folder/);
});

test("a collector that is away costs nothing but its traces", async () => {
  const flags = ["--set", "tracing.url=http://127.0.0.1:1/v1/traces", "--set", "engine.processes=1"];
  await using veil = await startProgram({ flags });
  await writeFile(join(veil.dataDir, "input_photos", "a.jpg"), await portraitOf(300));
  await until("it is done", async () => {
    const { counts } = (await (await fetch(`${veil.address}/api/v1/jobs?limit=1`)).json()) as JobsResponse;
    return counts.done === 1;
  });
  const began = performance.now();
  assert.equal(await veil.stop(), 0, veil.log());
  assert.ok(performance.now() - began < 8000, `stopping took ${performance.now() - began} ms`);
});
