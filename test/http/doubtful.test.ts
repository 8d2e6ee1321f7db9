import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AnonymizedItem, DetectResponse } from "../../src/http/schema.ts";
import { assertProblem, type Client, form, portraitJpeg, startClient } from "./client.ts";

let veil: Client;
let portrait: Buffer;

before(async () => {
  portrait = await portraitJpeg();
  // With such a score the flat mask itself passes for a head, so the second look is sure to see one more.
  const settings = ["policy.verify=hold", "policy.minScore=0.1", "policy.profile=fast"];
  veil = await startClient({ flags: settings.flatMap((setting) => ["--set", setting]) });
});
after(() => veil[Symbol.asyncDispose]());

test("a picture in doubt is not masked by itself, but a person gets all regions to look at, and masks with them", async () => {
  const held = await veil.post("/api/v1/anonymize", form("image", [portrait]));
  await assertProblem(held, 422, "doubtful");

  const found = await veil.post("/api/v1/detect", form("image", [portrait]));
  assert.equal(found.status, 200);
  const { regions } = (await found.json()) as DetectResponse;
  const once = await veil.post("/api/v1/detect?verify=off", form("image", [portrait]));
  assert.ok(regions.length > ((await once.json()) as DetectResponse).regions.length);

  const given = JSON.stringify(regions.map(({ box, keypoints }) => ({ ...box, keypoints })));
  const masked = await veil.post("/api/v1/anonymize?detail=1", form("image", [portrait], { regions: given }));
  const item = (await masked.json()) as AnonymizedItem;
  assert.equal(item.regions.length, regions.length);
  assert.notEqual(item.anonymized_base64, null);
});

test("a picture in doubt stays held where its result under another policy is kept", async () => {
  const ask = (query: string) => veil.post(`/api/v1/anonymize${query}`, form("image", [portrait]));
  for (const query of ["?verify=mask", "?verify=off", "?verify=mask"]) assert.equal((await ask(query)).status, 200);
  const metrics = await (await veil.get("/metrics")).text();
  assert.match(metrics, /^veil_cache_lookups_total\{outcome="hit"\} 1$/m);
  for (let i = 0; i < 2; i++) await assertProblem(await ask(""), 422, "doubtful");
});
