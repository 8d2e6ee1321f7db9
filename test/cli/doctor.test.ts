import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { makeCertificate } from "../fixtures/certificate.ts";
import { startPostgres, withoutPostgres } from "../fixtures/postgres-server.ts";
import { startRabbit, withoutRabbit } from "../fixtures/rabbitmq-server.ts";
import { startRedis, withoutRedis } from "../fixtures/redis-server.ts";
import { veilCommand } from "../fixtures/veil-command.ts";

const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());

/** What it says of each thing, by its name. */
async function doctor(dataDir: string, ...set: readonly string[]) {
  const flags = set.flatMap((one) => ["--set", one]);
  const { code, out, err } = await veilCommand(join(folder.path, dataDir), "doctor", ...flags);
  assert.doesNotMatch(out + err, /s3cr3t/);
  const lines = [...out.matchAll(/^([✓!✗]) (.{14}) (.*)$/gm)].map(([, mark, name, text]) => [
    name!.trim(),
    `${mark} ${text}`,
  ]);
  return { code, found: Object.fromEntries(lines) as Record<string, string> };
}

describe("veil doctor", () => {
  test("says where ledger, queue, cache and uploads are without any server", async () => {
    const { code, found } = await doctor("plain");
    assert.equal(code, 0);
    for (const name of ["Ledger", "Queue", "Cache", "Uploads"]) assert.equal(found[name], "✓ in the data folder", name);
    assert.match(found.Keys!, /^✓ installation\.key and ledger\.key are not here yet, and made at the first start/);
  });

  test("names each server that does not answer, soon, with what to do, and no secret", async () => {
    const began = performance.now();
    const { code, found } = await doctor(
      "away",
      ...["ledger.driver=postgres", "ledger.url=postgres://veil:s3cr3t@127.0.0.1:9/veil"],
      ...["queue.driver=rabbitmq", "queue.url=amqp://veil:s3cr3t@127.0.0.1:9"],
      ...["cache.driver=redis", "cache.redis.url=redis://:s3cr3t@127.0.0.1:9"],
      `jobs.folder=${join(folder.path, "missing")}`,
    );
    assert.ok(performance.now() - began < 60_000);
    assert.equal(code, 1);
    assert.match(found.Ledger!, /^✗ The ledger's PostgreSQL at 127\.0\.0\.1:9\/veil does not answer: .*Look whether/);
    assert.match(found.Queue!, /^✗ RabbitMQ at 127\.0\.0\.1:9: .*Look whether it runs/);
    assert.match(found.Cache!, /^✗ The cache at redis:\/\/127\.0\.0\.1:9: .*Check that Redis runs/);
    assert.match(found.Uploads!, /^✗ veil can't use .*missing \(jobs\.folder\): ENOENT\. Make the folder/);
    assert.match(found.Keys!, /^! .* copy them from another one's data folder/);
    const kafka = await doctor(
      "away",
      ...["queue.driver=kafka", "queue.brokers=127.0.0.1:9", "queue.password=s3cr3t"],
      "events.amqp.url=amqp://veil:s3cr3t@127.0.0.1:9",
    );
    assert.match(kafka.found.Queue!, /^✗ .*Kafka.*queue\.brokers\.$/);
    assert.match(kafka.found.Events!, /^✗ Events from RabbitMQ's queue veil-events: .*ECONNREFUSED.*Is it there/);
  });

  test("tries the addresses that are listened at", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const webhook = "events.webhook.token=a-token-of-some-length";
    const [plain, taken, foreign, broken] = await Promise.all([
      doctor("ports-1"),
      doctor("ports-2", webhook, `events.webhook.port=${port}`),
      doctor("ports-3", webhook, "events.webhook.host=203.0.113.7", "events.webhook.allowPlain=true"),
      doctor("ports-4", webhook, `events.webhook.certFile=${join(folder.path, "missing.pem")}`),
    ]);
    other.close();
    assert.deepEqual([plain.found.Events, plain.found.Webhook], ["✓ none through brokers", "✓ none"]);
    assert.match(taken.found.Webhook!, /^! 127\.0\.0\.1:\d+ is taken/);
    assert.match(foreign.found.Webhook!, /^✗ 203\.0\.113\.7 \(events\.webhook\.host\) is no address of this machine/);
    assert.match(broken.found.Certificates!, /^✗ .*missing\.pem/);
    assert.deepEqual([taken.code, foreign.code, broken.code], [0, 1, 1]);
  });

  test("looks at who could log in, at certificates and how long they last, and at the key of what lies on the disk", async () => {
    const at = (name: string) => join(folder.path, name);
    const login = "auth.required=true";
    const nobody = await doctor("access", login, "dataKeyFile=missing.key");
    assert.equal(nobody.code, 1);
    assert.match(
      nobody.found.Access!,
      /^✗ A login is needed, and nobody could log in\. Make a key with: npx veil keys create NAME --role admin --data-dir \S+access, or/,
    );
    assert.equal(nobody.found.Certificates, "✓ none: HTTP");
    assert.match(nobody.found.Keys!, /^✗ .*missing\.key \(dataKeyFile\) can't be read: ENOENT/);
    await veilCommand(at("access"), "keys", "create", "ward 7", "--role", "submit");
    for (const isExpired of [false, true]) {
      const { cert, key } = (await makeCertificate({ isExpired }))!;
      await writeFile(at("cert.pem"), cert);
      await writeFile(at("key.pem"), key);
      await writeFile(at("rest.key"), `${"a".repeat(64)}\n\n${"b".repeat(64)}\n`, { mode: 0o600 });
      const files = [
        `http.certFile=${at("cert.pem")}`,
        `http.keyFile=${at("key.pem")}`,
        `dataKeyFile=${at("rest.key")}`,
      ];
      const { found, code } = await doctor("access", login, ...files);
      assert.equal(found.Access, "✓ with a login: API keys");
      assert.match(found.Keys!, /^✓/);
      if (isExpired) assert.match(found.Certificates!, /^✗ .*cert\.pem .* to \S+ only: clients refuse it\. Renew it/);
      else assert.match(found.Certificates!, /^! .*cert\.pem \(http\.certFile\) until [\d-]{10}: renew it$/);
      assert.equal(code, isExpired ? 1 : 0);
    }
  });

  test("looks at keys and jobs.folder", async () => {
    const dataDir = join(folder.path, "keys");
    const jobs = join(folder.path, "jobs");
    const key = join(dataDir, "installation.key");
    for (const path of [dataDir, jobs]) await mkdir(path, { mode: 0o700 });
    await writeFile(key, "a".repeat(64), { mode: 0o600 });
    const settings = `jobs.folder=${jobs}`;
    const first = await doctor("keys", settings);
    assert.match(first.found.Keys!, /^✓ ledger\.key is not here yet/);
    assert.equal(first.found.Uploads, `✓ ${jobs}`);
    await chmod(key, 0o644);
    await chmod(join(jobs, "inbox"), 0o755);
    const open = await doctor("keys", settings);
    assert.match(open.found.Keys!, /^! others may read .*installation\.key: chmod 600/);
    assert.match(open.found.Uploads!, /^✗ Others may enter .*chmod 700/);
    await writeFile(key, "broken");
    const broken = await doctor("keys", settings);
    assert.equal(broken.code, 1);
    assert.match(broken.found.Keys!, /^✗ .*does not hold an installation key\. Restore it/);
    await rm(dataDir, { recursive: true });
  });

  test("finds servers that answer, and a ledger of somebody else's", {
    skip: withoutPostgres || withoutRabbit() || withoutRedis,
  }, async () => {
    await using postgres = await startPostgres();
    await using rabbit = await startRabbit();
    await using redis = await startRedis();
    const set = [
      ...["ledger.driver=postgres", `ledger.url=${postgres.url}`],
      ...["queue.driver=rabbitmq", `queue.url=${rabbit.url}`],
      ...["cache.driver=redis", `cache.redis.url=redis://127.0.0.1:${redis.port}`],
      `events.amqp.url=${rabbit.url}`,
    ];
    const dataDir = join(folder.path, "here");
    await mkdir(dataDir, { mode: 0o700 });
    await writeFile(join(dataDir, "installation.key"), "a".repeat(64), { mode: 0o600 });
    const { code, found } = await doctor("here", ...set);
    assert.equal(code, 0, JSON.stringify(found));
    assert.match(found.Ledger!, /^✓ PostgreSQL at 127\.0\.0\.1:\d+\/postgres$/);
    assert.deepEqual([found.Queue, found.Cache], ["✓ RabbitMQ, with the prefix veil", "✓ Redis answers"]);
    assert.equal(found.Events, "✓ RabbitMQ veil-events");
    assert.equal((await veilCommand(dataDir, "jobs", ...set.flatMap((one) => ["--set", one]))).code, 0);
    await writeFile(join(dataDir, "installation.key"), "b".repeat(64));
    assert.match(
      (await doctor("here", ...set)).found.Ledger!,
      /^✗ .*belongs to another installation of veil\. Stop, copy/,
    );
  });
});
