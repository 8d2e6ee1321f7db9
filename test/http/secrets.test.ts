import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import type { JobsResponse } from "../../src/http/schema.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { until } from "../e2e/program.ts";
import { type Client, form, json, portraitJpeg, startClient } from "./client.ts";

/* One run with secrets planted wherever one could stand; none of them may be in what veil writes or answers. */

const planted = {
  webhookToken: "planted-webhook-token",
  wrongToken: "planted-wrong-token",
  storePassword: "planted-store-password",
  s3Secret: "planted-s3-secret",
  authorization: "planted-authorization",
  cookie: "planted-cookie",
  query: "planted-query",
  field: "planted-field-value",
  exif: "planted-exif-text",
  comment: "planted-comment-in-the-file",
  pixels: "planted-bytes-behind-the-end",
  json: "planted-json-value",
} as const;
const data = await temporaryFolder();
const answers: string[] = [];
let veil: Client;
let portrait: Buffer;

const settings = (webhookPort: number) => `
events: { webhook: { host: 127.0.0.1, port: ${webhookPort}, token: "${planted.webhookToken}" } }
stores:
  scanner: { kind: ftp, host: 127.0.0.1, port: 9, username: veil, password: "${planted.storePassword}", tls: none }
  bucket: { kind: s3, endpoint: "http://127.0.0.1:9", bucket: raw, accessKey: veil, secretKey: "${planted.s3Secret}" }
routes:
  wards: { from: "store:scanner/in", to: "store:bucket/out" }
`;

before(async () => {
  portrait = await sharp(await portraitJpeg())
    .withExif({ IFD0: { ImageDescription: planted.exif, Artist: planted.exif } })
    .jpeg()
    .toBuffer();
  await mkdir(data.path, { recursive: true });
  await writeFile(join(data.path, "veil.yaml"), settings(await freePort()), { mode: 0o600 });
  const flags = ["logLevel=debug", "cache.driver=none", "policy.profile=fast"].flatMap((set) => ["--set", set]);
  veil = await startClient({ dataDir: data.path, flags });
});
after(async () => {
  await veil[Symbol.asyncDispose]();
  await data[Symbol.asyncDispose]();
});

/** A port that nobody listens on for the moment. */
async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Keeps what is answered, unless it is a picture. */
async function heard(answer: Response): Promise<Response> {
  const text = await answer.clone().text();
  const headers = [...answer.headers].map((pair) => pair.join(": "));
  answers.push(
    `${answer.status}\n${headers.join("\n")}\n${answer.headers.get("content-type")?.startsWith("image/") ? "" : text}`,
  );
  return answer;
}

const headers = {
  authorization: `Bearer ${planted.authorization}`,
  cookie: `session=${planted.cookie}; veil=${planted.cookie}`,
  "x-api-key": planted.authorization,
};
const query = `token=${planted.query}&password=${planted.query}`;

/** With something in every place of a JPEG that is not its pixels. */
function laden(picture: Buffer): Buffer {
  const comment = Buffer.from(planted.comment);
  const segment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, comment.length + 2]), comment]);
  return Buffer.concat([picture.subarray(0, 2), segment, picture.subarray(2), Buffer.from(planted.pixels)]);
}

describe("planted secrets", () => {
  test("go in by every way there is", async () => {
    const whole = laden(portrait);
    const damaged = [whole.subarray(0, whole.length >> 1), Buffer.from(whole).fill(planted.pixels, 400, 3000)];
    for (const path of ["/api/v1/anonymize", "/api/v1/detect", "/api/v1/jobs"]) {
      for (const picture of [whole, ...damaged]) {
        await heard(await veil.post(`${path}?${query}`, form("image", [picture]), headers));
        await heard(
          await veil.post(path, form("image", [picture], { style: planted.field, note: planted.field }), headers),
        );
        await heard(await veil.post(path, form("image", [picture], { regions: planted.field }), headers));
        await heard(await veil.post(path, form("image", [picture]), { ...headers, prefer: "wait=20" }));
      }
    }
    await heard(await veil.post("/api/v1/anonymize?detail=1", form("image", [Buffer.from(planted.pixels)]), headers));
    const image_base64 = Buffer.from(planted.pixels).toString("base64");
    for (const body of [{ image_base64 }, { image_base64: planted.json }, { style: planted.json }])
      await heard(await veil.post("/api/v1/anonymize/base64", ...json(body)));
    await heard(
      await veil.post("/api/v1/jobs", `{"store": "${planted.json}`, { ...headers, "content-type": "application/json" }),
    );
    for (const path of ["/api/v1/status", "/api/v1/nothing", "/api/docs", "/healthz"]) {
      const answer = await fetch(`${veil.address}${path}?${query}`, { headers });
      await heard(answer);
    }
    for (const name of ["whole.jpg", "cut.jpg", "changed.jpg"].entries())
      await writeFile(join(data.path, "input_photos", name[1]), [whole, ...damaged][name[0]]!);
    await until("the folder's photos are looked at", async () => {
      const { counts } = (await (await veil.get("/api/v1/jobs?route=folder")).json()) as JobsResponse;
      return (counts.done ?? 0) + (counts.dead ?? 0) === 3;
    });
  });

  test("by the webhook of events, and in packets that are no HTTP", async () => {
    const [, events] = /"address":"(http:[^"]+)","msg":"events of stores/.exec(veil.log())!;
    const event = JSON.stringify({ Records: [{ s3: { bucket: { name: planted.json } } }] });
    for (const token of [planted.webhookToken, planted.wrongToken]) {
      for (const [path, more] of [
        [`/webhook?token=${token}`, {}],
        ["/webhook", { authorization: `Bearer ${token}` }],
        [`/elsewhere?token=${token}`, {}],
      ] as const) {
        for (const body of [event, `{"broken ${planted.json}`, planted.json])
          await heard(await fetch(`${events}${path}`, { method: "POST", body, headers: more }));
      }
    }
    for (const address of [veil.address, events!]) {
      for (const packet of [
        `NONSENSE ${planted.query}\r\n\r\n`,
        `GET /?token=${planted.query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${planted.authorization}\r\nbroken header\r\n\r\n`,
        `GET /${"a".repeat(70_000)}?${planted.query} HTTP/1.1\r\n\r\n`,
        `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${planted.pixels}\r\n\r\n`,
      ])
        answers.push(await said(address, packet));
    }
  });

  test("come out nowhere", async () => {
    await until("the stores were tried", async () => /"route":"wards"/.test(veil.log()), 20_000);
    answers.push(await (await veil.get("/metrics")).text());
    await veil.stop();
    const places: Record<string, string> = {
      "standard error": veil.log(),
      "standard output": veil.screen(),
      "an answer": answers.join("\n\n"),
    };
    for (const path of await filesBelow(data.path)) places[path] = await readFile(join(data.path, path), "latin1");
    assert.ok(Object.keys(places).some((path) => path.startsWith("veil.sqlite")));
    const found = Object.entries(places).flatMap(([place, text]) =>
      Object.values(planted).flatMap((secret) => {
        const at = text.indexOf(secret);
        return at < 0 ? [] : [`${secret} in ${place}: …${text.slice(Math.max(0, at - 120), at + 60)}`];
      }),
    );
    assert.deepEqual(found, []);
  });
});

/** But the settings, which hold them, and originals: those of the folder, and those that wait for a retry. */
async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !/^(veil\.yaml$|inbox\/|input_photos\/)/.test(path));
}

/** What comes back for bytes that are no request. */
function said(address: string, packet: string): Promise<string> {
  const socket = connect(Number(new URL(address).port), "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.on("error", () => {});
  socket.end(packet);
  return new Promise((resolve) => socket.once("close", () => resolve(text)));
}
