import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import type { AnonymizedItem, JobBody } from "../../src/http/schema.ts";
import { detailCorrelation, pixelsOf } from "../fixtures/pixels.ts";
import { assertProblem, type Client, form, json, portraitJpeg, startClient } from "./client.ts";

const face = { x: 175, y: 52, width: 97, height: 127 };
let veil: Client;
let portrait: Buffer;

before(async () => {
  [portrait, veil] = await Promise.all([portraitJpeg(), startClient({})]);
});
after(() => veil[Symbol.asyncDispose]());

const post: Client["post"] = (...request) => veil.post(...request);

async function assertMasked(file: Buffer): Promise<void> {
  const [before, now] = [await pixelsOf(portrait), await pixelsOf(file)];
  assert.ok(Math.abs(detailCorrelation(before, now, face)) < 0.1, "detail of the face survived");
}

describe("what a request may come as", () => {
  test("another content type than the route takes is 415, and says which it takes", async () => {
    const text = ["hello", { "content-type": "text/plain" }] as const;
    const asked = {
      "JSON instead of a form": post("/api/v1/anonymize", ...json({ image: 1 })),
      "text instead of a form": post("/api/v1/detect", ...text),
      "a bare picture": fetch(`${veil.address}/api/v1/anonymize`, {
        method: "POST",
        body: new Uint8Array(portrait),
        headers: { "content-type": "image/jpeg" },
      }),
      "nothing said": fetch(`${veil.address}/api/v1/anonymize/batch`, { method: "POST" }),
      "text instead of JSON": post("/api/v1/anonymize/base64", ...text),
      "a form instead of JSON": post("/api/v1/anonymize/base64", form("image", [portrait])),
      "neither form nor JSON": post("/api/v1/jobs", ...text),
    };
    for (const [name, answer] of Object.entries(asked)) {
      const { detail } = await assertProblem(await answer, 415, "unsupported-media-type");
      assert.match(detail, /^Expected (multipart\/form-data|application\/json)( or .*)? but received/, name);
    }
    const cut = { "content-type": "multipart/form-data" };
    await assertProblem(await post("/api/v1/anonymize", "no boundary", cut), 400, "invalid-request");
  });

  test("an empty option says nothing, so that a form may show all of them", async () => {
    const empty = {
      style: "",
      strength: "",
      profile: "",
      min_score: "",
      quality: "",
      detail: "",
      preview: "",
      regions: "",
    };
    const answer = await post("/api/v1/anonymize", form("image", [portrait], empty));
    const plain = await post("/api/v1/anonymize", form("image", [portrait]));
    assert.equal(answer.headers.get("x-veil-regions"), "1");
    assert.deepEqual(await answer.arrayBuffer(), await plain.arrayBuffer());
  });
});

describe("what an answer is called, and what a browser can show of it", () => {
  test("the result is called like the upload with -masked, and an extension that fits", async () => {
    const named = async (name: string, file: Buffer) => {
      const data = new FormData();
      data.append("image", new Blob([new Uint8Array(file)]), name);
      return post("/api/v1/anonymize", data);
    };
    const png = await sharp(portrait).resize(200).png().toBuffer();
    const names = {
      "beach.JPG": [portrait, `inline; filename="beach-masked.JPG"; filename*=UTF-8''beach-masked.JPG`],
      "海滩 (1).jpg": [
        portrait,
        `inline; filename="__ (1)-masked.jpg"; filename*=UTF-8''%E6%B5%B7%E6%BB%A9%20%281%29-masked.jpg`,
      ],
      "lying.jpg": [png, `inline; filename="lying-masked.png"; filename*=UTF-8''lying-masked.png`],
    } as const;
    for (const [name, [file, expected]] of Object.entries(names)) {
      const answer = await named(name, file);
      assert.equal(answer.headers.get("content-disposition"), expected);
      await answer.arrayBuffer();
    }
  });

  test("preview=1 gives JPEGs of both for a browser that shows neither, which nothing stores", async () => {
    const tiff = await sharp(portrait).tiff().toBuffer();
    const answer = await post("/api/v1/anonymize?detail=1&preview=1", form("image", [tiff]));
    assert.equal(answer.headers.get("cache-control"), "no-store");
    const item = (await answer.json()) as AnonymizedItem;
    assert.deepEqual([item.content_type, item.masked_name], ["image/tiff", "photo-0-masked.tiff"]);
    const [before, after] = [item.previews!.before_base64, item.previews!.after_base64].map((it) =>
      Buffer.from(it, "base64"),
    );
    assert.equal((await sharp(before).metadata()).format, "jpeg");
    assert.ok(detailCorrelation(await pixelsOf(portrait), await pixelsOf(before!), face) > 0.9);
    await assertMasked(after!);
    assert.deepEqual(await veil.spoolFiles(), []);
    const plain = (await (await post("/api/v1/anonymize?detail=1", form("image", [tiff]))).json()) as AnonymizedItem;
    assert.equal(plain.previews, null);
  });

  test("a result that a browser can't show has a preview, which is of the result", async () => {
    const tiff = await sharp(portrait).tiff().toBuffer();
    const job = (await (await post("/api/v1/jobs", form("image", [tiff]), { prefer: "wait=30" })).json()) as JobBody;
    const preview = await fetch(`${veil.address}/api/v1/jobs/${job.id}/result?preview=1`);
    assert.deepEqual(
      [preview.status, preview.headers.get("content-type"), preview.headers.get("cache-control")],
      [200, "image/jpeg", "no-store"],
    );
    await assertMasked(Buffer.from(await preview.arrayBuffer()));
    await assertProblem(await fetch(`${veil.address}/api/v1/jobs/${job.id}/result?size=9`), 400, "invalid-request");
  });
});
