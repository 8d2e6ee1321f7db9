import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { assertProblem, type Client, form, portraitJpeg, startClient } from "./client.ts";

let veil: Client;
let photo: Buffer;

before(async () => {
  veil = await startClient({});
  photo = await sharp(await portraitJpeg())
    .withExif({ IFD0: { Make: "Maker" }, IFD3: { GPSLatitudeRef: "N", GPSLatitude: "1/1 2/1 3/1" } })
    .jpeg()
    .toBuffer();
});
after(() => veil[Symbol.asyncDispose]());

const exifOf = async (answer: Response) => (await sharp(Buffer.from(await answer.arrayBuffer())).metadata()).exif;

test("a request says what of the metadata is kept; nothing is by default, and other words are refused", async () => {
  const path = "/api/v1/anonymize";
  assert.equal(await exifOf(await veil.post(path, form("image", [photo]))), undefined);
  const kept = await exifOf(await veil.post(`${path}?metadata=keep-safe`, form("image", [photo])));
  assert.ok(kept!.includes("Maker"));
  const field = await exifOf(await veil.post(path, form("image", [photo], { metadata: "keep-safe" })));
  assert.deepEqual(field, kept);
  await assertProblem(await veil.post(`${path}?metadata=all`, form("image", [photo])), 400, "invalid-request");
});

test("a job remembers it", async () => {
  const answer = await veil.post("/api/v1/jobs?metadata=keep-safe", form("image", [photo]), { prefer: "wait=20" });
  const job = (await answer.json()) as { id: string; state: string; policy: { metadata: string } };
  assert.deepEqual([job.state, job.policy.metadata], ["done", "keep-safe"]);
  assert.ok((await exifOf(await veil.get(`/api/v1/jobs/${job.id}/result`)))!.includes("Maker"));
});
