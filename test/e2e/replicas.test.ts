import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import type { Point } from "../../src/points.ts";
import { openPostgres } from "../../src/postgres.ts";
import { countsOf, type Hosts, openHosts, portraitOf, watches } from "../fixtures/hosts.ts";
import { startPostgres, withoutPostgres } from "../fixtures/postgres-server.ts";
import { startRabbit, withoutRabbit } from "../fixtures/rabbitmq-server.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { type Program, startProgram, until } from "./program.ts";

const skip = withoutPostgres || withoutRabbit();
const postgres = skip === false ? await startPostgres() : undefined;
const rabbit = skip === false ? await startRabbit() : undefined;
after(async () => {
  await rabbit?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

const leaseMs = 4000;

const open = (prefix: string, forMs = leaseMs) =>
  openHosts({ postgres: postgres!, rabbit: rabbit!, prefix, leaseMs: forMs });

/** For Node itself: at that point of its first job the process stops, as a machine that sleeps; it tells when, and of each job's end. */
function sleepsAt(point: Point): readonly string[] {
  const module = `import { subscribe } from "node:diagnostics_channel";
    let isRested = false;
    subscribe("veil:point", ({ point }) => {
      if (point === "over") process.stderr.write("over\\n");
      if (point !== "${point}" || isRested) return;
      isRested = true;
      process.stderr.write("asleep\\n");
      process.kill(process.pid, "SIGSTOP");
    });`;
  return ["--import", `data:text/javascript,${encodeURIComponent(module)}`];
}

/** A worker that is asleep. */
async function startSleeper(hosts: Hosts, name: string, point: Point) {
  const dataDir = await hosts.host(name);
  const program = await startProgram({ dataDir, flags: ["--roles", "worker"], nodeFlags: sleepsAt(point) });
  const wake = () => void process.kill(program.pid, "SIGCONT");
  const end = async () => {
    wake();
    await program[Symbol.asyncDispose]();
  };
  await until(`${name} sleeps`, async () => /^asleep$/m.test(program.log())).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  return { ...program, wake, [Symbol.asyncDispose]: end };
}

async function drop(folder: string, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    await writeFile(join(folder, `photo-${i}.jpg`), await portraitOf(160 + i));
  }
}

const done = async (program: Program) => (await countsOf(program)).done ?? 0;
/** Who has started which job, as the ledger knows it. */
async function ledgerOf(database: string) {
  await using opened = await openPostgres({ url: database });
  return {
    done: await opened.ask(
      "select j.key, count(*) as times from events e join jobs j on j.id = e.job_id where e.kind = 'done' group by j.key",
    ),
    states: await opened.ask("select state, count(*) as jobs from job_state group by state"),
  };
}

async function assertMasked(output: string, count: number): Promise<void> {
  const names = (await readdir(output)).filter((name) => name.endsWith(".jpg") && !name.startsWith("."));
  assert.equal(names.length, count);
  for (const name of names) {
    const number = Number(/\d+/.exec(name)![0]);
    assert.equal((await sharp(join(output, name)).metadata()).width, 160 + number, name);
  }
}

describe("several processes over one ledger", { skip }, () => {
  it("mask every photograph once, though the one that watches is killed, a worker in mid-job, and the database restarts", async () => {
    await using hosts = await open("replicas");
    const { input, output, database } = hosts;
    const first = await hosts.start("first");
    await until("the first one watches", async () => watches(first));
    const second = await hosts.start("second");
    const worker = await hosts.start("worker", "--roles", "worker");
    await drop(input, 0, 60);
    await until("some are done", async () => (await done(second)) >= 5, 120_000);
    assert.equal(watches(second), false, "one of them watches");

    // What it had in work comes again, and what comes from now on is found by the other one.
    await first.kill();
    await drop(input, 60, 66);
    await until("the other one watches", async () => watches(second), leaseMs * 4);
    await until(
      "a job is at the worker's",
      async () => /job started/.test(worker.log().split("\n").at(-2) ?? ""),
      60_000,
    );
    await worker.kill();
    await until("some more are done", async () => (await done(second)) >= 25, 120_000);
    await postgres!.stop();
    await sleep(500);
    await postgres!.start();
    await until("all are done", async () => (await done(second)) === 66, 180_000);

    const { done: each, states } = await ledgerOf(database);
    assert.deepEqual(states, [{ state: "done", jobs: 66 }]);
    assert.deepEqual([each.length, each.filter(({ times }) => times !== 1)], [66, []]);
    await assertMasked(output, 66);
    assert.equal(await second.stop(), 0);
    const { code, out } = await veilCommand(second.dataDir, "ledger", "verify");
    assert.equal(code, 0, out);
    assert.match(out, /records prove themselves/);
    const listed = await veilCommand(second.dataDir, "jobs", "list", "--limit", "1");
    assert.match(listed.out, /66 done/);
  });

  it("a rolling restart, one after the other in the middle of work, loses nothing, costs no attempt, and refuses no upload", async () => {
    await using hosts = await open("rolling");
    const running = [await hosts.start("left"), await hosts.start("right")];
    await drop(hosts.input, 0, 30);
    const upload = async (width: number) => {
      const form = new FormData();
      form.set("image", new Blob([new Uint8Array(await portraitOf(width))]), "portrait.jpg");
      // As a load balancer does: to one that is not told to stop.
      const { address } = running.at(-1)!;
      const { status } = await fetch(`${address}/api/v1/jobs`, { method: "POST", body: form });
      assert.equal(status, 202);
    };
    for (const name of ["left", "right"]) {
      const [old, other] = [running.shift()!, running[0]!];
      const before = await done(other);
      await until("work goes on", async () => (await done(other)) > before, 60_000);
      const stopping = old.stop();
      for (let i = 0; i < 3; i++) await upload(400 + 10 * running.length + i + (name === "left" ? 0 : 5));
      assert.equal(await stopping, 0, old.log());
      running.push(await startProgram({ dataDir: old.dataDir }));
    }
    await until("all are done", async () => (await done(running[0]!)) === 36, 120_000);
    const { done: each, states } = await ledgerOf(hosts.database);
    assert.deepEqual(states, [{ state: "done", jobs: 36 }]);
    assert.deepEqual(
      each.filter(({ times }) => times !== 1),
      [],
    );
    await using opened = await openPostgres({ url: hosts.database });
    assert.deepEqual(await opened.ask("select max(attempts) as most from job_state"), [{ most: 1 }]);
    await assertMasked(hosts.output, 30);
    for (const program of running) assert.equal(await program.stop(), 0);
  });

  it("a worker that sleeps in mid-job writes nothing more of it while another one is at it", async () => {
    await using hosts = await open("sleepers", 2000);
    await using opened = await openPostgres({ url: hosts.database });
    const api = await hosts.start("api", "--roles", "api,sources");
    for (const [index, point] of (["rendered", "put"] as const).entries()) {
      const name = `photo-${index}.jpg`;
      const sql = "select e.kind from events e join jobs j on j.id = e.job_id where j.key = $name order by e.id";
      const kinds = async () => (await opened.ask(sql, { name })).map(({ kind }) => kind);
      await drop(hosts.input, index, index + 1);
      await using sleeper = await startSleeper(hosts, `sleeper-${point}`, point);
      await using other = await startSleeper(hosts, `other-${point}`, "fetched");
      sleeper.wake();
      await until("it is awake, and at nothing", async () => /^over$/m.test(sleeper.log()));
      assert.deepEqual(await kinds(), ["admitted", "started", "started"]);
      assert.equal((await readdir(hosts.output)).includes(name), point === "put");
      other.wake();
      await until("it is done", async () => (await done(api)) === index + 1);
      assert.equal((await kinds()).filter((kind) => kind === "done").length, 1);
    }
    await assertMasked(hosts.output, 2);
  });

  it("do each what they are told: one takes uploads, one watches, one masks; pauses hold for all, another installation is refused", async () => {
    await using hosts = await open("roles");
    const api = await hosts.start("api", "--roles", "api");
    const sources = await hosts.start("sources", "--roles", "sources");
    const worker = await hosts.start("worker", "--roles", "worker");
    for (const { address } of [sources, worker]) {
      const answers = ["/healthz", "/readyz", "/metrics", "/api/v1/jobs", "/"].map(async (path) => {
        const answer = await fetch(`${address}${path}`);
        await answer.arrayBuffer();
        return answer.status;
      });
      assert.deepEqual(await Promise.all(answers), [200, 200, 200, 404, 404]);
    }

    const form = new FormData();
    form.set("image", new Blob([new Uint8Array(await portraitOf(200))]), "portrait.jpg");
    const taken = await fetch(`${api.address}/api/v1/jobs`, { method: "POST", body: form });
    const { id } = (await taken.json()) as { id: string };
    const result = await until("the upload's result", async () => {
      const answer = await fetch(`${api.address}/api/v1/jobs/${id}/result`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      return answer.status === 200 && bytes;
    });
    assert.equal((await sharp(result).metadata()).width, 200);
    assert.match(worker.log(), /job done/);
    assert.doesNotMatch(api.log(), /job done/);

    await drop(hosts.input, 0, 1);
    await until("what was found is done", async () => (await done(api)) === 2);
    await assertMasked(hosts.output, 1);

    assert.match((await veilCommand(api.dataDir, "jobs", "pause")).out, /everything is paused/);
    await sleep(1500);
    await drop(hosts.input, 1, 3);
    await until("two wait", async () => (await countsOf(api)).admitted === 2);
    await sleep(1500);
    assert.equal((await countsOf(api)).admitted, 2);
    assert.match((await veilCommand(sources.dataDir, "jobs", "resume")).out, /nothing is paused/);

    const stranger = await hosts.host("stranger");
    await writeFile(join(stranger, "installation.key"), "0".repeat(64));
    const { code, err } = await veilCommand(stranger, "jobs", "list");
    assert.notEqual(code, 0);
    assert.match(err, /belongs to another installation[\s\S]*installation\.key/);
    assert.doesNotMatch((await veilCommand(api.dataDir, "config", "print")).out, /postgres:\/\//);
  });
});
