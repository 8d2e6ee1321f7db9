import assert from "node:assert/strict";
import { request } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import type { JobBody } from "../../src/http/schema.ts";
import type { RequestNote } from "../../src/ledger/ledger.ts";
import { until } from "../e2e/program.ts";
import { assertProblem, type Client, form, json, portraitJpeg, startClient } from "./client.ts";

let veil: Client;
let portrait: Buffer;

before(async () => {
  [portrait, veil] = await Promise.all([portraitJpeg(), startClient({ flags: ["--set", "limits.maxBytes=2000000"] })]);
});
after(() => veil[Symbol.asyncDispose]());

/** The newest notes about synchronous requests. */
function notes(count: number): RequestNote[] {
  using database = new DatabaseSync(`${veil.dataDir}/veil.sqlite`, { readOnly: true });
  const rows = database.prepare("select note from notes order by seq desc limit ?").all(count);
  return rows.map(({ note }) => JSON.parse(String(note)) as RequestNote);
}

/** A number of the metrics page; 0 where it is absent. */
async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${veil.address}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1) ?? 0,
  );
}

describe("what is kept of a synchronous request", () => {
  test("the note says who chose the regions: the detector, or the request and no detector", async () => {
    await (await veil.post("/api/v1/anonymize", form("image", [portrait]))).arrayBuffer();
    await (await veil.post("/api/v1/anonymize", form("image", [portrait], { regions: "[]" }))).arrayBuffer();
    await (await veil.post("/api/v1/detect", form("image", [portrait]))).arrayBuffer();
    await veil.post("/api/v1/detect", form("image", [Buffer.from("text")]));
    const kept = notes(4).map(({ outcome, code, regions, regionsFrom, detector, output }) => {
      return [outcome, code, regions, regionsFrom, detector?.name, output !== undefined];
    });
    const name = "mediapipe-full-range";
    assert.deepEqual(kept, [
      ["refused", "not-an-image", undefined, "detector", name, false],
      ["detected", undefined, 1, "detector", name, false],
      ["masked", undefined, 0, "request", undefined, true],
      ["masked", undefined, 1, "detector", name, true],
    ]);
  });

  test("a client that hangs up is noted and counted as gone, and is no fault of veil", async () => {
    const before = veil.log().length;
    const busy = () => metric('veil_engine_processes{state="busy"}');
    const gone = () => metric('veil_requests_total{outcome="client-gone"}');
    await until("an idle engine", async () => (await busy()) === 0);
    const large = await sharp({ create: { width: 8000, height: 6000, channels: 3, background: "#a87" } })
      .jpeg({ quality: 40 })
      .toBuffer();
    for (const [path, field] of [
      ["anonymize", "image"],
      ["anonymize/batch", "images"],
      ["detect", "image"],
    ] as const) {
      const counted = await gone();
      const client = new AbortController();
      const address = `${veil.address}/api/v1/${path}?profile=thorough`;
      const answer = fetch(address, { method: "POST", body: form(field, [large]), signal: client.signal });
      await until("a busy engine", async () => (await busy()) === 1, 5000);
      client.abort();
      await assert.rejects(answer, { name: "AbortError" });
      await until("a note of it", async () => (await gone()) === counted + 1, 5000);
      const [note] = notes(1);
      assert.deepEqual([note!.outcome, note!.code], ["refused", "client-gone"], path);
    }
    await until("an empty spool", async () => (await veil.spoolFiles()).length === 0, 5000);
    assert.doesNotMatch(veil.log().slice(before), /"level":(50|60)/);
  });

  test("a client that hangs up in the middle of an upload leaves nothing and is no fault of veil", async () => {
    const before = veil.log().length;
    const { hostname, port } = new URL(veil.address);
    const headers = { "content-type": "multipart/form-data; boundary=cut", "content-length": 1_500_000 };
    const upload = request({ hostname, port, method: "POST", path: "/api/v1/anonymize", headers });
    const closed = new Promise((resolve) => upload.once("close", resolve));
    upload.on("error", () => {});
    upload.write('--cut\r\ncontent-disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n');
    upload.write(portrait);
    await until("a file in the spool", async () => (await veil.spoolFiles()).length > 0, 5000);
    upload.destroy();
    await closed;
    await until("an empty spool", async () => (await veil.spoolFiles()).length === 0, 5000);
    await fetch(`${veil.address}/healthz`);
    assert.doesNotMatch(veil.log().slice(before), /"level":(50|60)/);
  });

  test("a batch that is refused for an option leaves no original in the spool", async () => {
    const answer = await veil.post(
      "/api/v1/anonymize/batch",
      form("images", [portrait, portrait], { style: "invisible" }),
    );
    await assertProblem(answer, 400, "invalid-request");
    assert.deepEqual(await veil.spoolFiles(), []);
  });

  test("no answer of the API may be stored on its way", async () => {
    const done = await veil.post("/api/v1/jobs", form("image", [portrait]), { prefer: "wait=30" });
    const { id } = (await done.clone().json()) as JobBody;
    const answers = {
      picture: await veil.post("/api/v1/anonymize", form("image", [portrait])),
      detail: await veil.post("/api/v1/anonymize?detail=1", form("image", [portrait])),
      base64: await veil.post("/api/v1/anonymize/base64", ...json({ image_base64: portrait.toString("base64") })),
      batch: await veil.post("/api/v1/anonymize/batch", form("images", [portrait])),
      detect: await veil.post("/api/v1/detect", form("image", [portrait])),
      job: done,
      result: await fetch(`${veil.address}/api/v1/jobs/${id}/result`),
      jobs: await fetch(`${veil.address}/api/v1/jobs`),
      problem: await fetch(`${veil.address}/api/v1/nothing`),
    };
    for (const [name, answer] of Object.entries(answers)) {
      assert.equal(answer.headers.get("cache-control"), "no-store", name);
      await answer.arrayBuffer();
    }
  });
});
