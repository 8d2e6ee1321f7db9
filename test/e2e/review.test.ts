import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import type { Box } from "../../src/core/region.ts";
import type { JobBody, JobsResponse, ReviewBody, ReviewsResponse } from "../../src/http/schema.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { json, portraitJpeg } from "../http/client.ts";
import { type Program, startProgram, temporaryDataDir, until } from "./program.ts";

let dataDir: string;
let veil: Program;
let portrait: Buffer;

before(async () => {
  dataDir = await temporaryDataDir();
  portrait = await portraitJpeg();
  // With such a score the flat mask itself passes for a head, so the second look is sure to see one more.
  const yaml = "policy:\n  verify: hold\n  minScore: 0.1\n  profile: fast\n  style: solid\nfolder:\n  settleMs: 100\n";
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, "veil.yaml"), yaml);
  veil = await startProgram({ dataDir });
});
after(async () => {
  await veil[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

const ask = async <T>(path: string) => (await (await fetch(`${veil.address}${path}`)).json()) as T;
const post = (path: string, value: unknown) => {
  const [body, headers] = json(value);
  return fetch(`${veil.address}${path}`, { method: "POST", body, headers });
};
const command = async (...args: string[]) => {
  const { code, out, err } = await veilCommand(dataDir, ...args);
  assert.equal(code, 0, err);
  return out;
};
const output = (name: string) => join(dataDir, "output_anonymous", name);
const outputs = () => readdir(join(dataDir, "output_anonymous"));

/** A new photo in the folder, and its held job. */
async function hold(name: string): Promise<string> {
  await writeFile(join(dataDir, "input_photos", name), portrait);
  const found = await until(`${name} is held`, async () => {
    const { reviews } = await ask<ReviewsResponse>("/api/v1/reviews");
    return reviews.find(({ input }) => input.key === name);
  });
  assert.deepEqual([found.state, found.problem?.code], ["held", "doubtful"]);
  assert.ok(!(await outputs()).includes(name));
  return found.id;
}

async function settled(id: string, state: string): Promise<JobBody> {
  return until(`${id} is ${state}`, async () => {
    const job = await ask<JobBody>(`/api/v1/jobs/${id}`);
    return job.state === state && job;
  });
}

/** How far a box's middle is from the original's, per channel value. */
async function change(file: string, { x, y, width, height }: Box): Promise<number> {
  const { width: w = 0, height: h = 0 } = await sharp(portrait).metadata();
  const left = Math.max(0, Math.round(x + width * 0.3));
  const top = Math.max(0, Math.round(y + height * 0.3));
  const area = {
    ...{ left, top },
    width: Math.max(1, Math.min(Math.round(width * 0.4), w - left)),
    height: Math.max(1, Math.min(Math.round(height * 0.4), h - top)),
  };
  const [before, now] = await Promise.all([portrait, file].map((from) => sharp(from).extract(area).raw().toBuffer()));
  return before!.reduce((sum, value, index) => sum + Math.abs(value - now![index]!), 0) / before!.length;
}

test("what is held is listed and shown, and approved it is masked with all that both looks found", async () => {
  const id = await hold("first.jpg");
  assert.match(await command("review", "list"), new RegExp(`${id} .*first\\.jpg.*\\n1 held`));
  const shown = JSON.parse(await command("review", "show", id, "--json")) as {
    readonly regions: readonly { readonly box: Box; readonly look: string }[];
  };
  const looks = new Set(shown.regions.map(({ look }) => look));
  assert.deepEqual(looks, new Set(["first", "second"]));
  const look = join(dataDir, "look.jpg");
  assert.match(await command("review", "show", id, "--to", look), /why: A second look found/);
  const face = shown.regions[0]!.box;
  assert.ok((await change(look, face)) > 20, "the face is masked in what a person looks at");
  assert.equal((await veilCommand(dataDir, "review", "show", id, "--to", look)).code, 1, "nothing is replaced");
  assert.deepEqual(await outputs(), [], "showing writes no output");

  const answer = await command("review", "approve", id);
  const [, successor] = /job (\w+) takes its place/.exec(answer)!;
  const done = await settled(successor!, "done");
  assert.equal(done.regions, shown.regions.length);
  for (const { box } of shown.regions) assert.ok((await change(output("first.jpg"), box)) > 20, JSON.stringify(box));
  assert.deepEqual([done.revision, done.successor], [1, null]);
  assert.equal((await settled(id, "approved")).successor, successor);
  const again = await veilCommand(dataDir, "review", "approve", id);
  assert.equal(again.code, 1);
  assert.match(again.err, new RegExp(`approved; job ${successor}`));
  const history = JSON.parse(await command("jobs", "show", id)) as { events: { kind: string; who?: string }[] };
  const event = history.events.find(({ kind }) => kind === "approved");
  assert.match(event!.who!, /^command:/);
});

test("a person's own regions are masked and nothing else, through the API too, once", async () => {
  const id = await hold("second.jpg");
  const { regions, picture, job, decided_by } = await ask<ReviewBody>(`/api/v1/reviews/${id}`);
  assert.ok(regions!.some(({ look }) => look === "second"));
  assert.deepEqual([job.id, decided_by], [id, null]);
  const far = { x: picture!.width * 0.02, y: picture!.height * 0.8, width: 60, height: 60 };
  const outside = await post(`/api/v1/reviews/${id}/approve`, { regions: [{ box: { ...far, x: 9999 } }] });
  assert.equal(outside.status, 400);
  assert.equal((await post(`/api/v1/reviews/${id}/approve`, { regions: [] })).status, 400);
  assert.equal((await post(`/api/v1/reviews/${id}/approve`, { region: [] })).status, 400);
  assert.equal((await ask<JobBody>(`/api/v1/jobs/${id}`)).state, "held");

  const both = await Promise.all([1, 2].map(() => post(`/api/v1/reviews/${id}/approve`, { regions: [{ box: far }] })));
  assert.deepEqual(both.map(({ status }) => status).toSorted(), [202, 409]);
  const [won, lost] = both.toSorted((a, b) => a.status - b.status);
  assert.equal(lost!.headers.get("location"), won!.headers.get("location"), "the second is told where the first's is");
  const { id: successor } = (await won!.json()) as JobBody;
  assert.match(((await lost!.json()) as { detail: string }).detail, new RegExp(successor));
  const decided = await ask<ReviewBody>(`/api/v1/reviews/${id}`);
  assert.deepEqual([decided.job.state, decided.job.successor], ["approved", successor]);
  assert.match(decided.decided_by ?? "", /^service:/);
  assert.equal((await settled(successor, "done")).regions, 1);
  const face = regions!.toSorted((a, b) => b.score - a.score)[0]!.box;
  assert.ok((await change(output("second.jpg"), far)) > 20);
  assert.ok((await change(output("second.jpg"), face)) < 10, "what the detector saw counts for nothing");
});

test("where a person sees no face the picture is written anew without masks, and only if that is said", async () => {
  const id = await hold("nobody.jpg");
  const none = join(dataDir, "none.json");
  await writeFile(none, '{"regions":[]}');
  const refused = await veilCommand(dataDir, "review", "approve", id, "--regions", none);
  assert.deepEqual([refused.code, /--no-faces/.test(refused.err)], [2, true]);
  await command("review", "approve", id, "--regions", none, "--no-faces");
  const { successor } = await settled(id, "approved");
  assert.equal((await settled(successor!, "done")).regions, 0);
  const written = await readFile(output("nobody.jpg"));
  assert.notDeepEqual(written, portrait);
  assert.equal((await sharp(written).metadata()).exif, undefined);
  assert.ok((await change(output("nobody.jpg"), { x: 0, y: 0, width: 500, height: 500 })) < 10);
});

test("what is rejected has no output, its original stays, and no start brings it back", async () => {
  const id = await hold("no.jpg");
  const other = await hold("no either.jpg");
  await command("review", "reject", id, "--reason", "not to be shown");
  const answer = await post(`/api/v1/reviews/${other}/reject`, {});
  assert.equal(((await answer.json()) as JobBody).state, "rejected");
  for (const verb of ["approve", "reject"]) assert.equal((await post(`/api/v1/reviews/${id}/${verb}`, {})).status, 409);
  assert.equal((await veilCommand(dataDir, "jobs", "retry", id)).code, 1);
  await veil.stop();
  veil = await startProgram({ dataDir });
  await hold("after.jpg"); // it has looked through the folder since
  const { jobs } = await ask<JobsResponse>("/api/v1/jobs?limit=100");
  assert.deepEqual(
    jobs
      .filter(({ input }) => input.key.startsWith("no"))
      .map(({ state }) => state)
      .toSorted(),
    ["approved", "done", "rejected", "rejected"],
  );
  assert.ok(!(await outputs()).some((name) => name.startsWith("no.") || name.startsWith("no ")));
  assert.deepEqual(await readFile(join(dataDir, "input_photos", "no.jpg")), portrait);
  assert.match(await command("jobs", "show", id), /not to be shown/);
});

test("the ledger proves itself with all of these decisions in it", async () => {
  await veil.stop();
  assert.match(await command("ledger", "verify"), /\d+ records/);
  veil = await startProgram({ dataDir });
});
