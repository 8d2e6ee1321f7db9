import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import type { JobBody } from "../../src/http/schema.ts";
import { until } from "../e2e/program.ts";
import { assertFaceGone, assertProblem, type Client, form, json, portraitJpeg, startClient } from "./client.ts";

let veil: Client;
let portrait: Buffer;

before(async () => {
  portrait = await portraitJpeg();
  veil = await startClient({});
});
after(() => veil[Symbol.asyncDispose]());

const post: Client["post"] = (...request) => veil.post(...request);

describe("the jobs API", () => {
  test("an upload is answered with 202 and ends in a result", async () => {
    const accepted = await post("/api/v1/jobs", form("image", [portrait]));
    assert.equal(accepted.status, 202);
    const location = accepted.headers.get("location")!;
    const waited = await post("/api/v1/jobs", form("image", [portrait]), { prefer: "wait=30" });
    assert.equal(waited.status, 200);
    const job = (await waited.json()) as JobBody;
    assert.equal(job.state, "done");
    const result = await fetch(`${veil.address}/api/v1/jobs/${job.id}/result`);
    assert.match(result.headers.get("content-disposition") ?? "", /^inline; filename="photo-0-masked\.jpg"/);
    assert.equal(job.masked_name, "photo-0-masked.jpg");
    await assertFaceGone(portrait, Buffer.from(await result.arrayBuffer()));
    const { id } = (await (await fetch(`${veil.address}${location}`)).json()) as JobBody;
    assert.equal(location, `/api/v1/jobs/${id}`);
  });

  test("says how long it was ready to wait, which is not longer than a minute", async () => {
    for (const [asked, applied] of [
      ["wait=7", "wait=7"],
      ["respond-async, wait=9999", "wait=60"],
    ] as const) {
      const answer = await post("/api/v1/jobs", form("image", [portrait]), { prefer: asked });
      assert.equal(answer.headers.get("preference-applied"), applied);
      await answer.arrayBuffer();
    }
  });

  test("the same Idempotency-Key gives the same job, and another request under it is refused", async () => {
    const headers = { "idempotency-key": "order 66" };
    const first = (await (await post("/api/v1/jobs", form("image", [portrait]), headers)).json()) as JobBody;
    const second = (await (await post("/api/v1/jobs", form("image", [portrait]), headers)).json()) as JobBody;
    assert.equal(second.id, first.id);
    await assertProblem(
      await post("/api/v1/jobs?style=solid", form("image", [portrait]), headers),
      422,
      "idempotency-conflict",
    );
  });

  test("an object of the input store is masked by name", async () => {
    await assertProblem(await post("/api/v1/jobs", ...json({ store: "input", key: "absent.jpg" })), 404, "not-found");
    await assertProblem(await post("/api/v1/jobs", ...json({ store: "elsewhere", key: "a.jpg" })), 404, "not-found");
    await assertProblem(
      await post("/api/v1/jobs", ...json({ store: "input", key: "../veil.sqlite" })),
      400,
      "invalid-request",
    );
  });

  test("a damaged upload ends as a dead letter with its reason", async () => {
    const answer = await post("/api/v1/jobs", form("image", [portrait.subarray(0, 9000)]), { prefer: "wait=30" });
    const job = (await answer.json()) as JobBody;
    assert.deepEqual([job.state, job.problem?.code], ["dead", "unreadable"]);
    await assertProblem(await fetch(`${veil.address}/api/v1/jobs/${job.id}/result`), 409, "not-ready");
  });

  test("leaves no original in the spool, and in the inbox that of a dead letter alone", async () => {
    await until("an empty spool", async () => (await veil.spoolFiles()).length === 0, 5000);
    // A dead letter's original stays for a retry until its time is over.
    const inbox = async () => (await readdir(`${veil.dataDir}/inbox`)).length;
    await until("only that one in the inbox", async () => (await inbox()) === 1, 5000);
  });
});
