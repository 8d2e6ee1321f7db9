import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cosmeticStatement } from "../../src/core/policy.ts";
import type { JobBody } from "../../src/http/schema.ts";
import type { Status } from "../../src/http/status-schema.ts";
import { detailCorrelation, pixelsOf } from "../fixtures/pixels.ts";
import { assertProblem, type Client, form, portraitJpeg, startClient } from "./client.ts";

const face = { x: 175, y: 52, width: 97, height: 127 };
const words = `cosmetic=${encodeURIComponent(cosmeticStatement)}`;
let plain: Client;
let said: Client;
let portrait: Buffer;

before(async () => {
  portrait = await portraitJpeg();
  plain = await startClient({});
  said = await startClient({ flags: ["--set", `policy.cosmetic=${cosmeticStatement}`] });
});
after(async () => {
  await plain[Symbol.asyncDispose]();
  await said[Symbol.asyncDispose]();
});

test("a request for style cosmetic is refused unless it, or the settings, say that it is no anonymisation", async () => {
  for (const path of ["/api/v1/anonymize", "/api/v1/jobs"]) {
    const refused = await plain.post(`${path}?style=cosmetic`, form("image", [portrait]));
    const problem = await assertProblem(refused, 400, "not-anonymisation");
    assert.match(problem.detail, /this is not anonymisation/);
  }
  const other = await plain.post("/api/v1/anonymize?style=cosmetic&cosmetic=yes", form("image", [portrait]));
  await assertProblem(other, 400, "invalid-request");
  assert.deepEqual(await plain.spoolFiles(), []);
});

test("with the words the face is blurred and no more", async () => {
  const [before, ...answers] = await Promise.all([
    pixelsOf(portrait),
    plain.post(`/api/v1/anonymize?style=cosmetic&${words}`, form("image", [portrait])),
    said.post("/api/v1/anonymize?style=cosmetic", form("image", [portrait])),
  ]);
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    const now = await pixelsOf(Buffer.from(await answer.arrayBuffer()));
    const kept = detailCorrelation(before, now, face);
    assert.ok(kept > 0.1 && kept < 0.9, String(kept));
  }
  const job = (await (await said.post("/api/v1/jobs?style=cosmetic", form("image", [portrait]))).json()) as JobBody;
  assert.equal(job.policy.style, "cosmetic");
});

test("the page is told of cosmetic only where the settings say the words", async () => {
  const stylesOf = async (veil: Client) => ((await (await veil.get("/api/v1/status")).json()) as Status).styles;
  assert.deepEqual(await stylesOf(plain), ["blur", "pixelate", "solid"]);
  assert.deepEqual(await stylesOf(said), ["blur", "pixelate", "solid", "cosmetic"]);
});
