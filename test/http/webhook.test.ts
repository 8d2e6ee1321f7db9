import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { Agent, get } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { describe, test } from "node:test";
import type { FastifyInstance } from "fastify";
import { readCertificate } from "../../src/certificate.ts";
import { Problem } from "../../src/errors.ts";
import { announceFor } from "../../src/events.ts";
import { createConnectionBudget } from "../../src/http/connection-budget.ts";
import { createWebhookServer } from "../../src/http/webhook.ts";
import { createSqliteAnnouncements } from "../../src/ledger/sqlite-announcements.ts";
import { createLog, type Logger } from "../../src/log.ts";
import { createAnnounce } from "../../src/pipeline/announce.ts";
import { openSqlite, type Sqlite } from "../../src/sqlite.ts";
import { eventually } from "../contracts/eventually.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { makeCertificate } from "../fixtures/certificate.ts";

const token = "a-token-of-some-length";
const log = createLog({ level: "silent", human: false });

async function openWebhook(
  routes = [{ route: "wards", bucket: "raw", prefix: "in/" }],
  sqliteOf?: (it: Sqlite) => Sqlite,
  { requestMs, logger = log }: { readonly requestMs?: number; readonly logger?: Logger } = {},
) {
  const sqlite = await openSqlite(":memory:");
  const announcements = await createSqliteAnnouncements(sqliteOf?.(sqlite) ?? sqlite);
  const rung: string[] = [];
  const strangers: string[] = [];
  const room = { full: false };
  const announce = createAnnounce({
    ...{ announcements, routes: () => routes },
    ...{ onAnnounced: (route: string) => rung.push(route), onStranger: (bucket: string) => strangers.push(bucket) },
  });
  const server = await createWebhookServer(
    {
      ...{ token, announce, connections: createConnectionBudget(), ...(requestMs && { requestMs }) },
      room: {
        require: async () => {
          if (room.full) throw new Problem("no-room", "The disk is full");
        },
      },
    },
    logger,
  );
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    ...{ announcements, rung, strangers, room, sqlite, address },
    send: (body: unknown, headers: Record<string, string> = { authorization: `Bearer ${token}` }, query = "") =>
      fetch(`${address}/webhook${query}`, {
        method: "POST",
        headers,
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    async [Symbol.asyncDispose]() {
      await server.close();
      await sqlite.close();
    },
  };
}

const event = (key: string, eventName = "s3:ObjectCreated:Put", bucket = "raw") => ({
  Records: [{ eventSource: "minio:s3", eventName, s3: { bucket: { name: bucket }, object: { key } } }],
});

describe("the webhook", () => {
  test("keeps what an event names before it answers, and tells the route; a second delivery changes nothing", async () => {
    await using webhook = await openWebhook();
    for (let delivery = 1; delivery <= 2; delivery += 1) {
      const answer = await webhook.send(event("in%2Fward+1%2Fa.jpg"));
      assert.equal(answer.status, 200);
      assert.deepEqual(await answer.json(), { announced: 1 });
      const waiting = await webhook.announcements.next("wards", 10);
      assert.deepEqual(
        waiting.map(({ key }) => key),
        ["ward 1/a.jpg"],
      );
    }
    assert.deepEqual(webhook.rung, ["wards", "wards"]);
    const records = Array.from({ length: 50 }, (_, index) => event(`in/${index}.jpg`).Records[0]);
    assert.deepEqual(await (await webhook.send({ Records: records })).json(), { announced: 50 });
    assert.equal((await webhook.announcements.next("wards", 100)).length, 51);
  });

  test("leaves what concerns no route: another bucket is told once, another prefix not at all", async () => {
    await using webhook = await openWebhook();
    for (const body of [event("x.jpg", undefined, "other"), event("y.jpg", undefined, "other"), event("out/x.jpg")]) {
      assert.deepEqual(await (await webhook.send(body)).json(), { announced: 0 });
    }
    assert.deepEqual(await (await webhook.send(event("in/x.jpg", "s3:ObjectAccessed:Get"))).json(), { announced: 0 });
    assert.deepEqual(await (await webhook.send(event("in/"))).json(), { announced: 0 });
    assert.deepEqual(await (await webhook.send(event(`in/${"x".repeat(1100)}`))).json(), { announced: 0 });
    assert.deepEqual(await (await webhook.send(event("in/%00.jpg"))).json(), { announced: 0 });
    for (const name of [".DS_Store", "a/Thumbs.db", "%40eaDir/a.jpg", "a/._b.jpg"]) {
      assert.deepEqual(await (await webhook.send(event(`in/${name}`))).json(), { announced: 0 }, name);
    }
    assert.deepEqual(webhook.strangers, ["other"]);
    assert.deepEqual(await webhook.announcements.waiting(), {});
  });

  test("is closed to whoever does not know the token, before anything is read", async () => {
    await using webhook = await openWebhook();
    const tries = [
      {},
      { authorization: "Bearer wrong" },
      { authorization: token },
      { authorization: `Basic ${token}` },
    ];
    for (const headers of tries) {
      const answer = await webhook.send(event("in/a.jpg"), headers as Record<string, string>);
      assert.equal(answer.status, 401, JSON.stringify(headers));
      const body = (await answer.json()) as { code: string };
      assert.equal(body.code, "unauthorized");
      assert.ok(!JSON.stringify(body).includes(token));
    }
    assert.equal((await webhook.send(event("in/a.jpg"), {}, "?token=wrong")).status, 401);
    assert.equal((await fetch(`${webhook.address}/webhook`)).status, 401);
    assert.deepEqual(await webhook.announcements.waiting(), {});
    assert.equal((await webhook.send(event("in/a.jpg"), {}, `?token=${token}`)).status, 200);
    assert.equal((await webhook.send(event("in/b.jpg"), { authorization: `bearer ${token}` })).status, 200);
    assert.deepEqual(await webhook.announcements.waiting(), { wards: 2 });
    for (const path of ["", "/api/v1/status", "/webhook/x"]) {
      assert.equal((await fetch(`${webhook.address}${path}`)).status, 404, path);
    }
  });

  test("says no to what is no event, whatever it is called, and yes whatever the content type", async () => {
    await using webhook = await openWebhook();
    const authorization = `Bearer ${token}`;
    for (const body of ["", "{", "7", "[]", "{}", '{"Records":[{}]}']) {
      const answer = await webhook.send(body);
      assert.equal(answer.status, 400, body);
      assert.equal(((await answer.json()) as { code: string }).code, "invalid-request");
    }
    for (const type of ["text/plain", "application/json; charset=utf-8", "application/cloudevents+json"]) {
      assert.equal((await webhook.send(event("in/a.jpg"), { authorization, "content-type": type })).status, 200, type);
    }
    assert.equal((await webhook.send("x".repeat(5 * 2 ** 20))).status, 413);
  });

  test("sends its sender away for a while when there is no room, and when nothing can be kept", async () => {
    await using webhook = await openWebhook();
    webhook.room.full = true;
    const answer = await webhook.send(event("in/a.jpg"));
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
    webhook.room.full = false;
    await webhook.sqlite.close();
    const failed = await webhook.send(event("in/a.jpg"));
    assert.ok(failed.status >= 500, String(failed.status));
  });

  test("waits for a request as long as it says, and not for one that never comes to its end", async () => {
    await using webhook = await openWebhook(undefined, undefined, { requestMs: 600 });
    const { port } = new URL(webhook.address);
    const head = `POST /webhook HTTP/1.1\r\nHost: veil\r\nAuthorization: Bearer ${token}\r\n`;
    for (const begun of ["POST /webhook HTTP/1.1\r\nHost:", `${head}Content-Length: 10\r\n\r\n{`]) {
      const socket = connect(Number(port), "127.0.0.1");
      const began = performance.now();
      socket.write(begun);
      let answer = "";
      socket.on("data", (said) => {
        answer += said;
      });
      await once(socket, "close");
      const tookMs = performance.now() - began;
      assert.match(answer, /^HTTP\/1\.1 408 /, begun);
      assert.ok(tookMs > 500 && tookMs < 3000, `${tookMs} ms`);
    }
  });

  test("logs nothing of what is no request, at the most talkative level either", async () => {
    const lines: string[] = [];
    const sink = new Writable({
      write(line, _encoding, done) {
        lines.push(String(line));
        done();
      },
    });
    await using webhook = await openWebhook(undefined, undefined, {
      logger: createLog({ level: "trace", human: false, to: sink }),
    });
    const socket = connect(Number(new URL(webhook.address).port), "127.0.0.1");
    socket.write(`POST /webhook?token=${token} HTTP/9.9\r\nauthorization: Bearer ${token}\r\n\r\n`);
    await once(socket.resume(), "close");
    await eventually("it is logged", () => lines.length > 0);
    const said = lines.join("");
    assert.match(said, /HPE_INVALID_VERSION/);
    const bytes = JSON.stringify(Buffer.from(token).toJSON().data).slice(1, -1);
    for (const secret of [token, bytes, Buffer.from(token).toString("base64").slice(0, 20)]) {
      assert.ok(!said.includes(secret), said);
    }
  });

  test("keeps nothing for a route that takes nothing by itself", async () => {
    const kept: string[] = [];
    const route = (name: string, watched: boolean) => ({
      route: { name, watched },
      bucket: { bucket: "raw", prefix: "" },
    });
    const announce = announceFor({
      announcements: { add: async (names) => void kept.push(...names.map((one) => one.route)) },
      folders: { current: () => [route("idle", false), { ...route("wards", true), announced: () => {} }] as never },
      onProblem: () => {},
    });
    assert.equal(await announce([{ bucket: "raw", keys: ["a.jpg"], kind: "created" }]), 1);
    assert.deepEqual(kept, ["wards"]);
  });

  test("names the files that are no certificate and its key", async () => {
    await using folder = await temporaryFolder();
    const certFile = join(folder.path, "cert.pem");
    await writeFile(certFile, "garbage");
    const files = { certFile, keyFile: certFile, section: "events.webhook" };
    await assert.rejects(readCertificate(files), { code: "invalid-config", message: /cert\.pem/ });
  });

  test("speaks TLS where it has a certificate", async (context) => {
    const certificate = await makeCertificate();
    if (certificate === undefined) return context.skip("not run: there is no openssl");
    const connections = createConnectionBudget();
    const parts = { connections, token, announce: async () => 0, room: { require: async () => {} }, tls: certificate };
    const server: FastifyInstance = await createWebhookServer(parts, log);
    await server.listen({ host: "127.0.0.1", port: 0 });
    const { port } = server.server.address() as AddressInfo;
    const agent = new Agent({ ca: certificate.cert });
    const status = await new Promise((resolve, reject) => {
      get({ host: "127.0.0.1", port, path: `/webhook?token=${token}`, agent }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).on("error", reject);
    });
    assert.equal(status, 200);
    agent.destroy();
    await server.close();
  });
});
