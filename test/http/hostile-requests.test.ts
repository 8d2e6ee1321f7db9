import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { JobBody, JobsResponse } from "../../src/http/schema.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { until } from "../e2e/program.ts";
import { createRandom } from "../fuzz/random.ts";
import { assertMaskedAnswer, assertProblem, type Client, form, json, portraitJpeg, startClient } from "./client.ts";

const outside = await temporaryFolder();
let veil: Client;
let portrait: Buffer;

before(async () => {
  // What is refused early may never be sent to its end: its connection is given up soon.
  const flags = ["folder.reconcileMs=1000", "http.requestMs=4000"].flatMap((set) => ["--set", set]);
  [portrait, veil] = await Promise.all([portraitJpeg(), startClient({ flags })]);
});
after(async () => {
  await veil[Symbol.asyncDispose]();
  await outside[Symbol.asyncDispose]();
});

/** A form as a client writes it that keeps to no rules; `disposition` goes behind `name="image"`. */
function rawForm(disposition: string): readonly [Buffer, Record<string, string>] {
  const head = `--cut\r\nContent-Disposition: form-data; name="image"; ${disposition}\r\nContent-Type: image/jpeg\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(head), portrait, Buffer.from("\r\n--cut--\r\n")]);
  return [body, { "content-type": "multipart/form-data; boundary=cut" }];
}

async function send(path: string, body: Buffer | string, headers: Record<string, string>): Promise<Response> {
  return fetch(`${veil.address}${path}`, { method: "POST", body, headers });
}

/** Each line of the log is one record of veil's own. */
function assertLogIsWhole(): void {
  for (const line of veil.log().trim().split("\n")) {
    const { level, msg, injected } = JSON.parse(line) as Record<string, unknown>;
    assert.ok(typeof level === "number" && (msg === undefined || typeof msg === "string"), line);
    assert.equal(injected, undefined, line);
  }
}

/** Read to its end: a connection with an answer that nobody reads stays busy. */
async function heard(answer: Promise<Response>): Promise<{ readonly status: number; readonly text: string }> {
  const { status } = await answer;
  return { status, text: await (await answer).text() };
}

/** An answer may be there a moment before its files are gone. */
const emptySpool = () => until("an empty spool", async () => (await veil.spoolFiles()).length === 0, 10_000);

const badNames = [
  `filename*=UTF-8''a%0d%0aX-Injected%3a%20yes%0d%0a%0d%0a.jpg`,
  `filename*=UTF-8''%0a%7b%22level%22%3a60%2c%22injected%22%3atrue%7d%0a.jpg`,
  `filename*=UTF-8''..%2f..%2f..%2fetc%2fpasswd`,
  `filename="..\\..\\boot.ini"`,
  `filename*=UTF-8''%00hidden.jpg`,
  `filename*=UTF-8''gpj.%e2%80%aeexe.jpg`,
  `filename*=UTF-8''%ed%a0%80lone.jpg`,
  `filename="a\u0001\u001b[2J.jpg"`,
  `filename="${"long".repeat(2000)}.jpg"`,
  `filename=""`,
];

describe("names that are meant to harm", () => {
  test("neither write headers nor log records, and come back harmless", async () => {
    for (const disposition of badNames) {
      const answer = await send("/api/v1/anonymize", ...rawForm(disposition));
      const about = disposition.slice(0, 60);
      if (answer.status !== 200) {
        await assertProblem(answer, 400, "invalid-request");
        continue;
      }
      assert.equal(answer.headers.get("x-injected"), null, about);
      const said = answer.headers.get("content-disposition") ?? "";
      assert.match(said, /^inline; filename="[^"\\/]*"; filename\*=UTF-8''[\w.!#$&+^`|~%-]+$/, about);
      assert.doesNotMatch(decodeURIComponent(said.split("''")[1]!), /[\p{Cc}\u202e]/u, about);
      await answer.arrayBuffer();
    }
    assertLogIsWhole();
    await emptySpool();
  });

  test("of uploads to the jobs API leave no file outside of its own folders", async () => {
    const before = await readdir(veil.dataDir);
    for (const disposition of badNames) {
      const [body, headers] = rawForm(disposition);
      const answer = await send("/api/v1/jobs", body, { ...headers, prefer: "wait=30" });
      if (answer.status === 400) continue;
      const job = (await answer.json()) as JobBody;
      assert.doesNotMatch(job.input.key, /[\p{Cc}\u202e\\]|\.\.|^\//u);
      const result = await fetch(`${veil.address}/api/v1/jobs/${job.id}/result`);
      assert.equal(result.status, 200);
      assert.equal(result.headers.get("x-injected"), null);
      await result.arrayBuffer();
    }
    assert.deepEqual((await readdir(veil.dataDir)).sort(), before.sort());
    assertLogIsWhole();
  });

  test("of objects lead nowhere but into their store", async () => {
    await writeFile(join(outside.path, "secret.jpg"), portrait);
    await symlink(join(outside.path, "secret.jpg"), join(veil.dataDir, "input_photos", "link.jpg"));
    await symlink(outside.path, join(veil.dataDir, "input_photos", "folder"));
    const keys = [
      ...["../veil.sqlite", "a/../../veil.sqlite", "/etc/passwd", "./a.jpg", "a//b.jpg", "", "a\0.jpg", "\ud800.jpg"],
      ...["..\\veil.sqlite", "%2e%2e/veil.sqlite", "‥/veil.sqlite", "．．/veil.sqlite", "..;/veil.sqlite"],
      ...["link.jpg", "folder/secret.jpg", "e\u0301.jpg", "a".repeat(5000)],
    ];
    for (const key of keys) {
      const answer = await veil.post("/api/v1/jobs", ...json({ store: "input", key }));
      assert.ok([400, 404].includes(answer.status), `${JSON.stringify(key.slice(0, 40))}: ${answer.status}`);
      await answer.arrayBuffer();
    }
    for (const path of [
      "/../../etc/passwd",
      "/%2e%2e/%2e%2e/etc/passwd",
      "/assets/..%2f..%2f..%2fpackage.json",
      "/%00",
    ]) {
      const { status } = await heard(veil.get(path));
      assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
    }
    // A look at the folder has been meanwhile, or is waited for.
    await writeFile(join(veil.dataDir, "input_photos", "last.jpg"), portrait);
    await until("the folder was looked at", async () => {
      const { jobs } = (await (await veil.get("/api/v1/jobs?limit=500")).json()) as JobsResponse;
      return jobs.some(({ input, state }) => input.key === "last.jpg" && state === "done");
    });
    assert.deepEqual(await readdir(join(veil.dataDir, "output_anonymous")), ["last.jpg"]);
  });

  test("in addresses and headers stay on one line of the log", async () => {
    const line = '%0a{"level":60,"injected":true}';
    await assertProblem(await veil.get(`/api/v1/nothing${line}`), 404, "not-found");
    await heard(veil.get(`/api/v1/jobs/${line}`));
    await heard(send("/api/v1/jobs", ...rawForm('filename="a.jpg"')));
    const socket = connect(Number(new URL(veil.address).port), "127.0.0.1");
    const lines = ["GET /\x1b[2J HTTP/1.1", "Host: localhost", "X-A: b\r c", "", ""];
    socket.end(lines.join("\r\n"));
    socket.on("error", () => {});
    await once(socket.resume(), "close");
    assertLogIsWhole();
  });
});

describe("bodies that are meant to harm", () => {
  /** Refused as it should be, and soon. */
  async function refusedSoon(answer: Promise<Response>, statuses: readonly number[]): Promise<void> {
    const began = performance.now();
    const { status, ...rest } = await heard(answer);
    assert.ok(statuses.includes(status), `${status} ${rest.text}`);
    assert.ok(performance.now() - began < 5000, "it took long");
    assert.equal((await heard(veil.get("/healthz"))).status, 200);
  }

  test("deep JSON is refused soon, wherever it stands", async () => {
    const deep = "[".repeat(400_000);
    const whole = `${deep}${"]".repeat(400_000)}`;
    const objects = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    const headers = { "content-type": "application/json" };
    for (const body of [
      deep,
      whole,
      objects,
      `{"image_base64":${whole}}`,
      `{"image_base64":"AAAA","regions":${whole}}`,
    ])
      await refusedSoon(send("/api/v1/anonymize/base64", body, headers), [400, 413]);
    for (const body of [whole, `{"store":"input","key":${objects}}`, `{"store":"input","key":"a","policy":${objects}}`])
      await refusedSoon(send("/api/v1/jobs", body, headers), [400, 413]);
    for (const regions of [whole, objects])
      await refusedSoon(veil.post("/api/v1/anonymize", form("image", [portrait], { regions })), [400, 413]);
  });

  test("JSON that would change what objects are is refused, and changes nothing", async () => {
    const headers = { "content-type": "application/json" };
    for (const key of ["__proto__", "constructor"]) {
      const body = `{"image_base64":"AAAA","${key}":{"prototype":{"style":"solid"},"polluted":1}}`;
      await refusedSoon(send("/api/v1/anonymize/base64", body, headers), [400]);
    }
    await assertMaskedAnswer(veil, portrait);
  });

  test("JSON above the limit is refused before it has come in", async () => {
    const socket = connect(Number(new URL(veil.address).port), "127.0.0.1");
    const head = ["POST /api/v1/jobs HTTP/1.1", "Host: localhost", "Content-Type: application/json"];
    socket.write([...head, "Content-Length: 99999999999", "", '{"store":"'].join("\r\n"));
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.match(String(answer), /^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  test("forms with too many fields, parts or too long ones are refused soon", async () => {
    const fields = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`f${index}`, "x"]));
    await refusedSoon(veil.post("/api/v1/anonymize", form("image", [portrait], fields)), [400, 413]);
    await refusedSoon(
      veil.post("/api/v1/anonymize", form("image", [portrait], { style: "x".repeat(3e6) })),
      [400, 413],
    );
    const many = form("image", Array<Buffer>(3000).fill(Buffer.from("x")));
    await refusedSoon(veil.post("/api/v1/anonymize", many), [400, 413]);
    const noEnd = `--cut\r\nContent-Disposition: form-data; name="image"\r\n${"X-Long: y\r\n".repeat(50_000)}`;
    const headers = { "content-type": "multipart/form-data; boundary=cut" };
    await refusedSoon(send("/api/v1/anonymize", noEnd, headers), [400, 413]);
    for (const boundary of ["", "; boundary=", `; boundary=${"x".repeat(300)}`]) {
      const odd = { "content-type": `multipart/form-data${boundary}` };
      await refusedSoon(send("/api/v1/anonymize", rawForm('filename="a.jpg"')[0], odd), [400]);
    }
    await emptySpool();
  });

  test("uploads that break off anywhere, many at once, leave nothing", async () => {
    const random = createRandom(1);
    const [body] = rawForm('filename="a.jpg"');
    const head = [
      ...["POST /api/v1/anonymize HTTP/1.1", "Host: localhost"],
      ...["Content-Type: multipart/form-data; boundary=cut", `Content-Length: ${body.length}`, "", ""],
    ];
    const whole = Buffer.concat([Buffer.from(head.join("\r\n")), body]);
    const breakOff = async () => {
      const socket = connect(Number(new URL(veil.address).port), "127.0.0.1");
      socket.on("error", () => {});
      await once(socket, "connect");
      await new Promise((sent) => socket.write(whole.subarray(0, random.below(whole.length)), sent));
      if (random.chance(0.5)) socket.resetAndDestroy();
      else socket.destroy();
    };
    for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 40 }, breakOff));
    await emptySpool();
    await assertMaskedAnswer(veil, portrait);
    assert.doesNotMatch(veil.log(), /"level":(50|60)/);
    assertLogIsWhole();
  });
});
