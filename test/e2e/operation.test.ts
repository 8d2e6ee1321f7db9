import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import type { JobBody, JobsResponse } from "../../src/http/schema.ts";
import type { Status } from "../../src/http/status-schema.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { isGenuine, startWebhookReceiver, type WebhookReceiver } from "../fixtures/webhook-receiver.ts";
import { form, json } from "../http/client.ts";
import { type Program, startProgram, temporaryDataDir, until } from "./program.ts";

let dataDir = "";
let flags: string[] = [];
let veil: Program;
let receiver: WebhookReceiver;
let portrait: Buffer;

before(async () => {
  receiver = await startWebhookReceiver();
  dataDir = await temporaryDataDir();
  const settings = {
    "alerts.webhook.url": `http://127.0.0.1:${receiver.port}/s3cr3t`,
    "alerts.webhook.allowPrivate": "true",
    "folder.settleMs": "50",
    "folder.reconcileMs": "1000",
    "policy.profile": "fast",
    "engine.processes": "2",
  };
  flags = Object.entries(settings).flatMap(([path, value]) => ["--set", `${path}=${value}`]);
  veil = await startProgram({ dataDir, flags });
  const file = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
  portrait = await sharp(file).resize(400).jpeg().toBuffer();
});
after(async () => {
  await veil[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true });
});

const drop = (key: string, bytes: Buffer) => writeFile(join(dataDir, "input_photos", key), bytes);
const ask = async <T>(path: string) => (await (await fetch(`${veil.address}${path}`)).json()) as T;
const post = (path: string, value: object) => {
  const [body, headers] = json(value);
  return fetch(`${veil.address}${path}`, { method: "POST", body, headers });
};

async function jobIn(key: string, state: JobBody["state"]): Promise<JobBody> {
  return until(`${key} is ${state}`, async () => {
    const { jobs } = await ask<JobsResponse>("/api/v1/jobs?limit=500");
    return jobs.find((job) => job.input.key === key && job.state === state);
  });
}

async function folderStatus() {
  const { routes } = await ask<Status>("/api/v1/status");
  return routes.find(({ name }) => name === "folder")!.progress;
}

describe("what went wrong", () => {
  test("is counted by class, alerted with a signature, and sent back by class, code and time", async () => {
    await drop("cut-anna.jpg", portrait.subarray(0, portrait.length / 2));
    await drop("scan.dcm", Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), Buffer.alloc(100, 1)]));
    const cut = await jobIn("cut-anna.jpg", "dead");
    await jobIn("scan.dcm", "dead");

    await until("an alert comes", async () => receiver.hooks.length >= 1);
    const [hook] = receiver.hooks;
    const secret = (await readFile(join(dataDir, "webhook.secret"), "utf8")).trim();
    assert.ok(isGenuine(hook!, secret));
    const { data } = JSON.parse(hook!.body);
    assert.deepEqual([data.kind, data.route], ["dead-letter", "folder"]);
    assert.ok(!hook!.body.includes("anna"), "a file's name may be a person's");
    assert.match(veil.log(), /"alert":"dead-letter"/);
    assert.ok(!veil.log().includes("s3cr3t"));

    assert.deepEqual((await folderStatus()).dead, { unreadable: 1, unsupported: 1 });
    const metrics = await (await fetch(`${veil.address}/metrics`)).text();
    assert.match(metrics, /^veil_route_troubles\{route="folder",state="dead",class="unreadable"\} 1$/m);
    assert.match(metrics, /^veil_job_failures_total\{route="folder",class="unsupported"\} 1$/m);
    assert.match(metrics, /^veil_alerts_raised\{kind="dead-letter"\} 2$/m);

    const stats = await veilCommand(dataDir, "jobs", "stats", "--json");
    const { routes, paused } = JSON.parse(stats.out);
    assert.deepEqual(paused, { all: false, routes: [] });
    assert.deepEqual([routes[0].route, routes[0].states.dead, routes[0].left], ["folder", 2, 0]);
    assert.deepEqual(routes[0].classes.dead, { unreadable: 1, unsupported: 1 });
    assert.match((await veilCommand(dataDir, "jobs", "stats")).out, /^folder\n {2}states +2 dead\n {2}left +nothing\n/);

    const dry = await veilCommand(dataDir, "jobs", "retry", "--class", "unreadable", "--since", "1h", "--dry-run");
    assert.deepEqual([dry.code, dry.out], [0, "1 unreadable\n1 would be sent back\n"]);
    const none = await veilCommand(dataDir, "jobs", "retry", "--route", "upload");
    assert.deepEqual([none.code, none.out], [0, "0 sent back\n"]);
    for (const wrong of [
      ["--dry-run"],
      ["x", "--all"],
      ["--class", "bad-luck"],
      ["--code", "x"],
      ["--since", "soon"],
      [],
    ])
      assert.equal((await veilCommand(dataDir, "jobs", "retry", ...wrong)).code, 2, wrong.join(" "));
    const sent = await veilCommand(dataDir, "jobs", "retry", "--code", "unreadable", "--route", "folder");
    assert.deepEqual([sent.code, sent.out], [0, "1 sent back\n"]);
    await until("it is dead again, as a new revision", async () => {
      const { jobs } = await ask<JobsResponse>("/api/v1/jobs?state=dead");
      return jobs.some(({ input, revision }) => input.key === "cut-anna.jpg" && revision === 1);
    });
    assert.equal((await ask<JobBody>(`/api/v1/jobs/${cut.id}`)).state, "redriven");

    const counted = await (await post("/api/v1/jobs/retry", { since: "1h", dry_run: true })).json();
    assert.deepEqual(counted, { matched: 2, codes: { unreadable: 1, unsupported: 1 }, sent: 0 });
    const again = await (await post("/api/v1/jobs/retry", { class: "unsupported" })).json();
    assert.deepEqual(again, { matched: 1, codes: { unsupported: 1 }, sent: 1 });
    assert.equal((await post("/api/v1/jobs/retry", { klass: "unsupported" })).status, 400);
    assert.equal((await post("/api/v1/jobs/retry", { class: "bad-luck" })).status, 400);
  });
});

describe("an import", () => {
  test("waits while its route is paused, over a restart too, and people's work goes on", async () => {
    const misspelt = await veilCommand(dataDir, "jobs", "pause", "--route", "foldr");
    assert.equal(misspelt.code, 2);
    assert.match(misspelt.out + misspelt.err, /Expected one of folder, upload\b.* for the route but received foldr/);
    assert.equal((await post("/api/v1/jobs/pause", { route: "foldr" })).status, 400);
    const paused = await veilCommand(dataDir, "jobs", "pause", "--route", "folder");
    assert.deepEqual([paused.code, paused.out], [0, "folder is paused\n"]);
    await until("the service knows", async () => (await folderStatus()).paused);
    await drop("paused.jpg", portrait);
    await jobIn("paused.jpg", "admitted");
    await veil.stop();
    veil = await startProgram({ dataDir, flags });
    const upload = await fetch(`${veil.address}/api/v1/jobs`, {
      ...{ method: "POST", body: form("image", [portrait]), headers: { prefer: "wait=30" } },
    });
    assert.equal(((await upload.json()) as JobBody).state, "done");
    await sleep(1500);
    const waiting = await jobIn("paused.jpg", "admitted");
    assert.equal(waiting.attempts, 0);
    const progress = await folderStatus();
    assert.deepEqual([progress.left, progress.oldest_waiting_at], [1, waiting.admitted_at]);
    assert.match((await veilCommand(dataDir, "jobs", "stats")).out, /^folder \(paused\)\n/m);
    const resumed = (await (await post("/api/v1/jobs/resume", {})).json()) as object;
    assert.deepEqual(resumed, { all: false, routes: [] });
    await jobIn("paused.jpg", "done");
  });

  test("of 300 photos holds up no person, shows its pace, and takes no more in work than it may", async () => {
    const key = (index: number) => `import-${String(index).padStart(3, "0")}.jpg`;
    await post("/api/v1/jobs/pause", {});
    await until("all is paused", async () => (await folderStatus()).paused);
    await Promise.all(Array.from({ length: 300 }, (_, index) => drop(key(index), portrait)));
    await until("all wait", async () => (await folderStatus()).left === 300);
    await post("/api/v1/jobs/resume", {});
    await until("some are done", async () => (await folderStatus()).left < 295);
    const took: number[] = [];
    for (const path of ["/api/v1/jobs", "/api/v1/anonymize", "/api/v1/jobs"]) {
      const begun = performance.now();
      const headers = { prefer: "wait=60" };
      const answer = await fetch(`${veil.address}${path}`, {
        method: "POST",
        body: form("image", [portrait]),
        headers,
      });
      assert.equal(answer.status, 200, await answer.text());
      took.push(performance.now() - begun);
    }
    const progress = await folderStatus();
    assert.ok(progress.left > 50, `only ${progress.left} were left: they did not compete`);
    assert.ok(progress.per_minute > 0 && progress.seconds_left! > 0, JSON.stringify(progress));
    // Behind the import a person would wait for as long as the rest of it takes.
    const worst = Math.max(...took) / 1000;
    assert.ok(worst < 10 && worst < progress.seconds_left! / 2, `${took} ms, ${progress.seconds_left} s left`);
    const { counts } = await ask<JobsResponse>("/api/v1/jobs?route=folder&limit=1");
    // Two for each of the two engine processes.
    assert.ok(counts.started! <= 4, `${counts.started} in work`);
    const metrics = await (await fetch(`${veil.address}/metrics`)).text();
    assert.match(metrics, /^veil_route_left_seconds\{route="folder"\} \d+$/m);
    await post("/api/v1/jobs/pause", {});
  });
});
