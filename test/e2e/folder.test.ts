import assert from "node:assert/strict";
import { access, appendFile, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { ellipseOf, inside } from "../../src/core/ellipse.ts";
import type { DetectResponse, JobBody, JobsResponse, RegionBody } from "../../src/http/schema.ts";
import type { Status } from "../../src/http/status-schema.ts";
import { detailCorrelation, meanDifference, pixelsOf } from "../fixtures/pixels.ts";
import { type Program, startProgram, until } from "./program.ts";

const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
let veil: Program;

before(async () => {
  veil = await startProgram({ flags: ["--set", "folder.incompleteMs=1500", "--set", "folder.reconcileMs=2000"] });
});
after(() => veil[Symbol.asyncDispose]());

const inFolder = (key: string) => join(veil.dataDir, "input_photos", key);
const outFolder = (key: string) => join(veil.dataDir, "output_anonymous", key);

async function drop(key: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(inFolder(key)), { recursive: true });
  await writeFile(inFolder(key), bytes);
}

async function jobsOf(key: string): Promise<JobBody[]> {
  const answer = await fetch(`${veil.address}/api/v1/jobs?limit=500`);
  const { jobs } = (await answer.json()) as JobsResponse;
  return jobs.filter((job) => job.input.key === key);
}

function jobIn(key: string, state: JobBody["state"]): Promise<JobBody> {
  return until(`${key} is ${state}`, async () => (await jobsOf(key)).find((job) => job.state === state));
}

describe("the watched folder", () => {
  test("a dropped photo appears masked under the same path, and the original stays as it was", async () => {
    const original = await sharp(portrait)
      .jpeg({ quality: 95 })
      .withExif({ IFD0: { Artist: "secret" } })
      .toBuffer();
    await drop("ward 7/bett-ü/portrait.jpg", original);
    const job = await jobIn("ward 7/bett-ü/portrait.jpg", "done");
    assert.ok(job.regions !== null && job.regions >= 1);
    assert.deepEqual(await readFile(inFolder("ward 7/bett-ü/portrait.jpg")), original);

    const masked = await readFile(outFolder("ward 7/bett-ü/portrait.jpg"));
    const { format, width, height, exif } = await sharp(masked).metadata();
    assert.deepEqual([format, width, height, exif], ["jpeg", 512, 512, undefined]);
    const form = new FormData();
    form.set("image", new Blob([original]));
    const answer = await fetch(`${veil.address}/api/v1/detect`, { method: "POST", body: form });
    const found = (await answer.json()) as DetectResponse;
    const [{ box }] = found.regions.toSorted((a, b) => b.score - a.score) as [RegionBody];
    const [before, now] = [await pixelsOf(original), await pixelsOf(masked)];
    assert.ok(Math.abs(detailCorrelation(before, now, box)) < 0.1, "detail of the face survived");
    assert.ok(detailCorrelation(before, before, box) > 0.99, "the measure itself sees detail");
    const ellipses = found.regions.map((region) => ellipseOf(region.box, "maximum", region.keypoints));
    const far = (x: number, y: number) => ellipses.every((ellipse) => !inside(ellipse, x, y));
    assert.ok(meanDifference(before, now, far) < 2, "the picture changed outside the mask");
  });

  test("what is no picture is recorded by its kind and never copied", async () => {
    await drop("letter.txt", Buffer.from("Dear Sir,\n"));
    await drop("film.mp4", Buffer.from("\0\0\0\x18ftypisom\0\0\x02\0isomiso2 and so on", "latin1"));
    assert.equal((await jobIn("letter.txt", "skipped")).kind, "text");
    assert.equal((await jobIn("film.mp4", "skipped")).kind, "video (MP4)");
    assert.deepEqual(
      (await readdir(outFolder(""))).filter((name) => /letter|film/.test(name)),
      [],
    );
  });

  test("a whole picture that still has a download's name is recorded and left alone, and taken under its own", async () => {
    const whole = await sharp(portrait).resize(200).jpeg().toBuffer();
    await drop("beach.jpg.part", whole);
    await drop("._beach.jpg", whole);
    assert.equal((await jobIn("beach.jpg.part", "skipped")).kind, "unfinished file (.part)");
    await rename(inFolder("beach.jpg.part"), inFolder("beach.jpg"));
    await jobIn("beach.jpg", "done");
    assert.deepEqual(await jobsOf("._beach.jpg"), []);
    await assert.rejects(access(outFolder("beach.jpg.part")));
  });

  test("a name that is not UTF-8 is told once, and the status names it until it is mended", async () => {
    const bad = Buffer.concat([Buffer.from(`${inFolder("")}/`), Buffer.from("caf\xe9.jpg", "latin1")]);
    await writeFile(bad, await sharp(portrait).resize(200).jpeg().toBuffer());
    const passedOver = async () => {
      const { routes } = (await (await fetch(`${veil.address}/api/v1/status`)).json()) as Status;
      return routes.find(({ name }) => name === "folder")!.passed_over;
    };
    await until("the status names it", async () => (await passedOver()).count === 1);
    assert.match((await passedOver()).examples[0]!, /^The name of "caf\uFFFD\.jpg" is not UTF-8/);
    await sleep(4500); // two more comparisons with the ledger
    assert.equal((await passedOver()).count, 1);
    assert.equal(veil.log().match(/is not UTF-8/g)?.length, 1);
    await rename(bad, inFolder("café.jpg"));
    await jobIn("café.jpg", "done");
    await until("the status is quiet", async () => (await passedOver()).count === 0);
  });

  test("a damaged or unsupported picture is a dead letter at once, with its reason and without output", async () => {
    const whole = await sharp(portrait).jpeg().toBuffer();
    await drop("cut.jpg", whole.subarray(0, whole.length / 2));
    await drop("scan.dcm", Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), Buffer.alloc(100, 1)]));
    const cut = await jobIn("cut.jpg", "dead");
    assert.deepEqual([cut.problem?.code, cut.attempts], ["unreadable", 1]);
    const scan = await jobIn("scan.dcm", "dead");
    assert.deepEqual([scan.problem?.code, scan.problem?.detail], ["unsupported", "unsupported: DICOM"]);
    for (const key of ["cut.jpg", "scan.dcm"]) await assert.rejects(access(outFolder(key)));
  });

  test("a file is taken once it is whole, not while it is written", async () => {
    const whole = await sharp(portrait).jpeg().toBuffer();
    await drop("slow.jpg", whole.subarray(0, 10_000));
    await sleep(1000);
    assert.deepEqual(await jobsOf("slow.jpg"), []);
    await appendFile(inFolder("slow.jpg"), whole.subarray(10_000));
    await jobIn("slow.jpg", "done");
    assert.equal((await jobsOf("slow.jpg")).length, 1);
  });

  test("a replaced photo is masked anew, and an unchanged one is not touched again", async () => {
    await drop("again.png", await sharp(portrait).resize(256).png().toBuffer());
    await jobIn("again.png", "done");
    const first = await readFile(outFolder("again.png"));
    await sleep(4500); // two more comparisons with the ledger
    assert.equal((await jobsOf("again.png")).length, 1);
    await drop("again.png", await sharp(portrait).resize(300).png().toBuffer());
    await until(
      "a second job",
      async () => (await jobsOf("again.png")).filter(({ state }) => state === "done").length === 2,
    );
    assert.notDeepEqual(await readFile(outFolder("again.png")), first);
  });

  test("a dead letter that was mended is masked after a retry of its new version", async () => {
    await drop("mended.jpg", Buffer.from("\xff\xd8\xff\xe0 not really\xff\xd9", "latin1"));
    const dead = await jobIn("mended.jpg", "dead");
    const retried = await fetch(`${veil.address}/api/v1/jobs/${dead.id}/retry`, { method: "POST" });
    assert.equal(retried.status, 202);
    assert.equal(((await retried.json()) as JobBody).revision, 1);
    await until("the retry fails as well", async () =>
      (await jobsOf("mended.jpg")).some(({ state, revision }) => state === "dead" && revision === 1),
    );
    const whole = await sharp(portrait).jpeg().toBuffer();
    await drop("mended.jpg", whole);
    await jobIn("mended.jpg", "done");
    await until(
      "the old dead letter is void",
      async () => !(await jobsOf("mended.jpg")).some(({ state }) => state === "dead"),
    );
  });
});
