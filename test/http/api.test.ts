import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import type { AnonymizedItem, DetectResponse } from "../../src/http/schema.ts";
import { until } from "../e2e/program.ts";
import { detailCorrelation, pixelsOf } from "../fixtures/pixels.ts";
import {
  assertFaceGone,
  assertProblem,
  type Client,
  portraitFace as face,
  form,
  json,
  portraitJpeg,
  startClient,
} from "./client.ts";

let veil: Client;
let portrait: Buffer;

before(async () => {
  portrait = await portraitJpeg();
  veil = await startClient({ flags: ["--set", "limits.maxBytes=2000000", "--set", "limits.maxBatch=20"] });
});
after(() => veil[Symbol.asyncDispose]());

const post: Client["post"] = (...request) => veil.post(...request);

const assertMasked = (file: Buffer) => assertFaceGone(portrait, file);

describe("POST /api/v1/anonymize", () => {
  test("answers the masked picture in the same format", async () => {
    const answer = await post("/api/v1/anonymize", form("image", [portrait]));
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "image/jpeg");
    assert.ok(Number(answer.headers.get("x-veil-regions")) >= 1);
    await assertMasked(Buffer.from(await answer.arrayBuffer()));
  });

  test("takes options from the query and from fields, and the same request gives the same bytes", async () => {
    const once = await post("/api/v1/anonymize?style=solid", form("image", [portrait]));
    const again = await post("/api/v1/anonymize", form("image", [portrait], { style: "solid" }));
    const blurred = await post("/api/v1/anonymize", form("image", [portrait]));
    const [a, b, c] = await Promise.all(
      [once, again, blurred].map(async (answer) => Buffer.from(await answer.arrayBuffer())),
    );
    assert.deepEqual(a, b);
    assert.notDeepEqual(a, c);
  });

  test("masks exactly the regions that a person gives", async () => {
    const box = { x: 140, y: 345, width: 60, height: 70 };
    const answer = await post(
      "/api/v1/anonymize?detail=1",
      form("image", [portrait], { regions: JSON.stringify([box]) }),
    );
    const item = (await answer.json()) as AnonymizedItem;
    assert.deepEqual([item.regions, item.detector], [[{ kind: "face", box, score: 1 }], null]);
    const [before, now] = [await pixelsOf(portrait), await pixelsOf(Buffer.from(item.anonymized_base64!, "base64"))];
    assert.ok(Math.abs(detailCorrelation(before, now, box)) < 0.1);
    assert.ok(detailCorrelation(before, now, face) > 0.9, "a region that was not asked for changed");
  });

  test("masks regions that come back with their keypoints as they were masked when they were found", async () => {
    const lying = await sharp(portrait).rotate(90).jpeg({ quality: 100 }).toBuffer();
    const item = (await (
      await post("/api/v1/anonymize?detail=1&turns=true", form("image", [lying]))
    ).json()) as AnonymizedItem;
    const given = item.regions.map(({ box, keypoints }) => ({ ...box, keypoints }));
    assert.ok(given.length >= 1);
    const again = await post("/api/v1/anonymize", form("image", [lying], { regions: JSON.stringify(given) }));
    assert.ok(Buffer.from(item.anonymized_base64!, "base64").equals(Buffer.from(await again.arrayBuffer())));
    const bare = JSON.stringify(item.regions.map(({ box }) => box));
    const upright = await post("/api/v1/anonymize", form("image", [lying], { regions: bare }));
    assert.ok(!Buffer.from(item.anonymized_base64!, "base64").equals(Buffer.from(await upright.arrayBuffer())));
  });

  test("refuses regions that hide nothing of the picture", async () => {
    for (const box of [
      { x: 5000, y: 100, width: 60, height: 60 },
      { x: -200, y: 100, width: 60, height: 60 },
      { x: 0.34, y: 0.1, width: 0.19, height: 0.25 },
    ]) {
      const fields = { regions: JSON.stringify([box]) };
      const answer = await post("/api/v1/anonymize", form("image", [portrait], fields));
      await assertProblem(answer, 400, "invalid-request");
    }
  });

  test("refuses more regions than a person can draw, and names the first faults alone", async () => {
    const boxes = Array(10_001).fill({ x: 1, y: 1, width: 9, height: 9 });
    const tooMany = [
      await post("/api/v1/anonymize", form("image", [portrait], { regions: JSON.stringify(boxes) })),
      await post("/api/v1/anonymize/base64", ...json({ image_base64: portrait.toString("base64"), regions: boxes })),
    ];
    for (const answer of tooMany)
      assert.match((await assertProblem(answer, 400, "invalid-request")).detail, /at most 10000 boxes .* 10001/);
    const wrong = Array(10_000).fill(7);
    const faulty = [
      await post("/api/v1/anonymize", form("image", [portrait], { regions: JSON.stringify(wrong) })),
      await post("/api/v1/anonymize/base64", ...json({ image_base64: portrait.toString("base64"), regions: wrong })),
    ];
    for (const answer of faulty) {
      const { detail } = await assertProblem(answer, 400, "invalid-request");
      assert.match(detail, /regions\/4: .*; and 9995 more$/);
      assert.ok(detail.length < 500);
    }
  });

  test("refuses what it can't mask, by name, and answers no picture", async () => {
    const cases: readonly (readonly [Buffer, number, string])[] = [
      [Buffer.from("hello"), 415, "not-an-image"],
      [Buffer.concat([Buffer.alloc(128), Buffer.from("DICM")]), 415, "unsupported"],
      [portrait.subarray(0, 20_000), 422, "unreadable"],
      [Buffer.alloc(2_000_001, 1), 413, "too-large"],
    ];
    for (const [file, status, code] of cases)
      await assertProblem(await post("/api/v1/anonymize", form("image", [file])), status, code);
  });

  test("a request that is not understood says what was expected", async () => {
    await assertProblem(await post("/api/v1/anonymize", form("image", [])), 400, "invalid-request");
    await assertProblem(await post("/api/v1/anonymize", form("picture", [portrait])), 400, "invalid-request");
    await assertProblem(await post("/api/v1/anonymize", form("image", [portrait, portrait])), 400, "invalid-request");
    await assertProblem(
      await post("/api/v1/anonymize?style=invisible", form("image", [portrait])),
      400,
      "invalid-request",
    );
    await assertProblem(
      await post("/api/v1/anonymize", form("image", [portrait], { regions: "[{]" })),
      400,
      "invalid-request",
    );
    await assertProblem(await post("/api/v1/anonymize?preview=1", form("image", [portrait])), 400, "invalid-request");
  });
});

describe("POST /api/v1/anonymize/base64", () => {
  test("takes and answers base64, with or without a data: URL", async () => {
    const base64 = portrait.toString("base64");
    for (const image_base64 of [base64, `data:image/jpeg;base64,${base64}`]) {
      const answer = await post("/api/v1/anonymize/base64", ...json({ image_base64 }));
      assert.equal(answer.status, 200);
      const { anonymized_base64 } = (await answer.json()) as { anonymized_base64: string };
      await assertMasked(Buffer.from(anonymized_base64, "base64"));
    }
  });

  test("refuses text that is not base64", async () => {
    await assertProblem(
      await post("/api/v1/anonymize/base64", ...json({ image_base64: "not base64!" })),
      400,
      "invalid-request",
    );
    await assertProblem(await post("/api/v1/anonymize/base64", ...json({})), 400, "invalid-request");
  });
});

describe("POST /api/v1/anonymize/batch", () => {
  test("answers in the order sent, null for what fails, and names it in a header", async () => {
    const small = await sharp(portrait).resize(300).jpeg().toBuffer();
    const answer = await post("/api/v1/anonymize/batch", form("images", [portrait, Buffer.from("text"), small]));
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-veil-errors"), "1=not-an-image");
    const [first, second, third] = (await answer.json()) as (string | null)[];
    assert.equal(second, null);
    await assertMasked(Buffer.from(first!, "base64"));
    assert.equal((await sharp(Buffer.from(third!, "base64")).metadata()).width, 300);
  });

  test("detail=1 gives objects with regions and problems", async () => {
    const answer = await post("/api/v1/anonymize/batch?detail=1", form("images", [portrait, Buffer.from("text")]));
    const [good, bad] = (await answer.json()) as AnonymizedItem[];
    assert.deepEqual(
      [good!.name, good!.content_type, good!.width, good!.problem],
      ["photo-0.jpg", "image/jpeg", 512, null],
    );
    assert.ok(good!.regions.length >= 1);
    assert.deepEqual([bad!.anonymized_base64, bad!.problem?.code], [null, "not-an-image"]);
  });

  test("more pictures than allowed are refused as a whole", async () => {
    await assertProblem(
      await post("/api/v1/anonymize/batch", form("images", Array(21).fill(portrait))),
      413,
      "too-many-items",
    );
  });
});

describe("POST /api/v1/detect", () => {
  test("answers regions with scores and no picture", async () => {
    const answer = await post("/api/v1/detect", form("image", [portrait]));
    const found = (await answer.json()) as DetectResponse;
    assert.deepEqual(
      [found.width, found.height, found.format, found.detector],
      [512, 512, "jpeg", "mediapipe-full-range"],
    );
    const best = found.regions.toSorted((a, b) => b.score - a.score)[0]!;
    for (const side of ["x", "y", "width", "height"] as const)
      assert.ok(Math.abs(best.box[side] - face[side]) < 15, side);
  });
});

describe("a request that asks for what veil would ignore", () => {
  const regions = JSON.stringify([{ x: 1, y: 1, width: 50, height: 50 }]);
  const box = { x: 1, y: 1, width: 50, height: 50 };
  const image = (fields = {}) => form("image", [portrait], fields);
  const image_base64 = () => portrait.toString("base64");

  test("is refused, above all where regions would be dropped", async () => {
    const asked = {
      "regions of a batch": post("/api/v1/anonymize/batch", form("images", [portrait], { regions })),
      "regions of a job": post("/api/v1/jobs", image({ regions })),
      "regions of a named object": post("/api/v1/jobs", ...json({ store: "input", key: "a.jpg", regions: [] })),
      "regions to detect": post("/api/v1/detect", image({ regions })),
      "regions in the query": post("/api/v1/anonymize?regions=[]", image()),
      "regions twice": post("/api/v1/anonymize", withTwice()),
      "a frame of a box": post("/api/v1/anonymize", image({ regions: JSON.stringify([{ ...box, frame: 1 }]) })),
      "a misspelt field": post("/api/v1/anonymize", image({ stile: "solid" })),
      "a misspelt query": post("/api/v1/anonymize?stile=solid", image()),
      "a misspelt query of a batch": post("/api/v1/anonymize/batch?stile=solid", form("images", [portrait])),
      "a misspelt query to detect": post("/api/v1/detect?stile=solid", image()),
      "a misspelt query of a job": post("/api/v1/jobs?stile=solid", image()),
      "a misspelt policy": post("/api/v1/jobs", ...json({ store: "input", key: "a.jpg", policy: { stile: "solid" } })),
      "a misspelt option in JSON": post(
        "/api/v1/anonymize/base64",
        ...json({ image_base64: image_base64(), qualty: 9 }),
      ),
      "a misspelt query beside JSON": post(
        "/api/v1/anonymize/base64?stile=s",
        ...json({ image_base64: image_base64() }),
      ),
      "a misspelt query of the list": fetch(`${veil.address}/api/v1/jobs?status=done`),
      "options of a retry": post("/api/v1/jobs/some/retry?style=solid", new FormData()),
    };
    for (const [name, answer] of Object.entries(asked)) {
      const { detail } = await assertProblem(await answer, 400, "invalid-request");
      assert.match(detail, /Unrecognized key: "(regions|stile|qualty|status|style|frame)"|"regions" once/, name);
    }

    function withTwice(): FormData {
      const data = image({ regions });
      data.append("regions", "[]");
      return data;
    }
  });

  test("takes regions in a part that is declared as JSON, an empty field for none, and options beside JSON in the query", async () => {
    // FormData gives a Blob a file name, which makes it a file: the parts are written by hand.
    const head = (rest: string) => `--cut\r\ncontent-disposition: form-data; name=${rest}\r\n\r\n`;
    const body = Buffer.concat([
      Buffer.from(`${head('"regions"\r\ncontent-type: application/json')}${regions}\r\n`),
      Buffer.from(head('"image"; filename="a.jpg"\r\ncontent-type: image/jpeg')),
      portrait,
      Buffer.from("\r\n--cut--\r\n"),
    ]);
    const headers = { "content-type": "multipart/form-data; boundary=cut" };
    const answer = await fetch(`${veil.address}/api/v1/anonymize`, { method: "POST", body, headers });
    assert.deepEqual([answer.status, answer.headers.get("x-veil-regions")], [200, "1"]);
    const empty = await post("/api/v1/anonymize?detail=1", image({ regions: "" }));
    assert.equal(((await empty.json()) as AnonymizedItem).detector, "mediapipe-full-range");
    const solid = await Promise.all([
      post("/api/v1/anonymize/base64?style=solid", ...json({ image_base64: image_base64() })),
      post("/api/v1/anonymize/base64", ...json({ image_base64: image_base64(), style: "solid" })),
    ]);
    const [query, field] = await Promise.all(solid.map((item) => item.json()));
    assert.deepEqual(query, field);
  });
});

describe("who may ask", () => {
  const ask = (headers: Record<string, string>, path = "/api/v1/status") =>
    new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(veil.address);
      request({ hostname, port, path, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode!);
      })
        .on("error", reject)
        .end();
    });

  test("only this machine's own names are served: a rebound domain is refused", async () => {
    const { port } = new URL(veil.address);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`])
      assert.equal(await ask({ host }), 200, host);
    for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", "0.0.0.0"])
      assert.equal(await ask({ host }), 403, host);
  });

  test("another site's page is refused, the own page is served", async () => {
    const host = new URL(veil.address).host;
    assert.equal(await ask({ host, origin: `http://${host}` }), 200);
    assert.equal(await ask({ host, origin: "https://evil.example" }), 403);
    assert.equal(await ask({ host, origin: "null" }), 403);
    assert.equal(await ask({ host, "sec-fetch-site": "cross-site" }), 403);
  });
});

describe("operation", () => {
  test("says that it lives, that it is ready and with which detector, and what it counted", async () => {
    assert.deepEqual(await (await fetch(`${veil.address}/healthz`)).json(), { status: "ok" });
    const ready = (await (await fetch(`${veil.address}/readyz`)).json()) as { detector: { name: string } };
    assert.equal(ready.detector.name, "mediapipe-full-range");
    const metrics = await (await fetch(`${veil.address}/metrics`)).text();
    assert.match(metrics, /^veil_requests_total\{outcome="masked"\} \d+$/m);
    assert.match(metrics, /^veil_queue_depth\{lane="bulk"\} 0$/m);
  });

  test("what does not exist is a problem like any other", async () => {
    await assertProblem(await fetch(`${veil.address}/api/v1/nothing`), 404, "not-found");
  });

  test("no request left an original in the spool", async () => {
    await until("an empty spool", async () => (await veil.spoolFiles()).length === 0, 5000);
  });
});
