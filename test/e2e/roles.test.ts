import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import sharp from "sharp";
import { openPostgres } from "../../src/postgres.ts";
import { countsOf, openHosts, portraitOf, watches } from "../fixtures/hosts.ts";
import { startPostgres, withoutPostgres } from "../fixtures/postgres-server.ts";
import { startRabbit, withoutRabbit } from "../fixtures/rabbitmq-server.ts";
import { form } from "../http/client.ts";
import { type Program, startProgram, until } from "./program.ts";

const skip = withoutPostgres || withoutRabbit();
const postgres = skip === false ? await startPostgres() : undefined;
const rabbit = skip === false ? await startRabbit() : undefined;
after(async () => {
  await rabbit?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

const open = (prefix: string, leaseMs: number) => openHosts({ postgres: postgres!, rabbit: rabbit!, prefix, leaseMs });

async function send({ address }: Program, path: string, width: number): Promise<Response> {
  return fetch(`${address}${path}`, { method: "POST", body: form("image", [await portraitOf(width)]) });
}

async function widthOfResult({ address }: Program, id: string): Promise<number | undefined> {
  const answer = await fetch(`${address}/api/v1/jobs/${id}/result`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  return answer.status === 200 ? (await sharp(bytes).metadata()).width : undefined;
}

describe("roles", { skip }, () => {
  it("uploads wait at a process that only takes them for one that only masks; any that takes some serves the results", async () => {
    await using hosts = await open("uploads", 4000);
    const api = await hosts.start("api", "--roles", "api");
    await writeFile(join(hosts.input, "nobodys.jpg"), await portraitOf(100));
    const taken: string[] = [];
    for (const width of [201, 202]) {
      const answer = await send(api, "/api/v1/jobs", width);
      assert.equal(answer.status, 202);
      taken.push(((await answer.json()) as { id: string }).id);
    }
    assert.equal((await readdir(join(hosts.uploads, "inbox"))).length, 2);
    // What is answered at once it masks itself.
    assert.equal((await send(api, "/api/v1/anonymize", 203)).status, 200);
    assert.equal((await countsOf(api)).admitted, 2);
    assert.equal(await widthOfResult(api, taken[0]!), undefined);

    const worker = await hosts.start("worker", "--roles", "worker");
    assert.equal((await send(worker, "/api/v1/jobs", 204)).status, 404);
    await until("both are done", async () => (await countsOf(api)).done === 2);
    const another = await hosts.start("another", "--roles", "api");
    for (const one of [api, another])
      assert.deepEqual(await Promise.all(taken.map((id) => widthOfResult(one, id))), [201, 202]);

    const { done, ...others } = await countsOf(another);
    assert.deepEqual(
      [done, Object.values(others).filter((count) => count > 0)],
      [2, []],
      "nobody looked at the folder",
    );
    for (const { log } of [api, another]) assert.doesNotMatch(log(), /job started/);
    assert.match(
      await (await fetch(`${worker.address}/metrics`)).text(),
      /^veil_job_events_total\{kind="done".*\} 2$/m,
    );
    await until("originals of uploads go with their jobs", async () => {
      return (await readdir(join(hosts.uploads, "inbox"))).length === 0;
    });
  });

  it("of two that look at the folder one stands by, and follows soon on the other's orderly end", async () => {
    const leaseMs = 9000;
    await using hosts = await open("sources", leaseMs);
    await using opened = await openPostgres({ url: hosts.database });
    const drop = async (name: string, width: number) => writeFile(join(hosts.input, name), await portraitOf(width));
    const admitted = (count: number) =>
      until(`${count} are admitted`, async () => {
        const rows = await opened.ask(
          "select j.key, s.state from job_state s join jobs j on j.id = s.job_id order by 1",
        );
        return rows.length === count && rows;
      });
    const first = await hosts.start("first", "--roles", "sources");
    await until("the first one watches", async () => watches(first));
    const second = await hosts.start("second", "--roles", "sources");
    for (const [index, name] of ["a.jpg", "b.jpg"].entries()) await drop(name, 100 + index);
    await admitted(2);
    assert.equal(watches(second), false);

    assert.equal(await first.stop(), 0);
    const since = performance.now();
    const [lease] = await opened.ask("select holder from leases where name = 'route/folder'");
    const replica = (await readFile(join(first.dataDir, "replica.id"), "utf8")).trim();
    assert.ok(!String(lease!.holder).endsWith(replica), "it is given back");
    await until("the second one watches", async () => watches(second), leaseMs);
    const tookMs = performance.now() - since;
    assert.ok(tookMs < (leaseMs * 2) / 3, `it took ${Math.round(tookMs)} ms, and asks every third of the lease`);
    await drop("c.jpg", 102);
    const rows = await admitted(3);
    const expected = ["a.jpg", "b.jpg", "c.jpg"].map((key) => ({ key, state: "admitted" }));
    assert.deepEqual(rows, expected, "each is taken once, and masked by nobody");
  });
});

it("says what roles need, and refuses those that can't work", async () => {
  const alone = ["--roles", "worker"];
  await assert.rejects(
    startProgram({ flags: alone }),
    /roles.*queue\.driver rabbitmq or kafka and ledger\.driver postgres/,
  );
  await assert.rejects(startProgram({ flags: ["--roles", "cook"] }), /some of api, sources and worker/);
  await assert.rejects(startProgram({ flags: ["--set", "ledger.driver=postgres"] }), /postgres needs ledger\.url/);
});
