import assert from "node:assert/strict";
import { readFile, rename, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect } from "node:tls";
import { readCertificate, watchCertificate } from "../src/certificate.ts";
import type { Problem } from "../src/errors.ts";
import { eventually } from "./contracts/eventually.ts";
import { temporaryFolder } from "./contracts/temporary-folder.ts";
import { type Program, startProgram } from "./e2e/program.ts";
import { type Certificate, makeCertificate } from "./fixtures/certificate.ts";
import { runVeil } from "./fixtures/veil-command.ts";

const certificate = await makeCertificate();

describe("by HTTPS", { skip: certificate === undefined && "not run: there is no openssl" }, () => {
  const { cert, key } = certificate ?? { cert: "", key: "" };
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let veil: Program;
  let apiKey: string;
  const files = () => ({ certFile: join(folder.path, "cert.pem"), keyFile: join(folder.path, "key.pem") });

  async function put(pair: Certificate): Promise<void> {
    await writeFile(files().certFile, pair.cert);
    await writeFile(files().keyFile, pair.key);
  }

  before(async () => {
    folder = await temporaryFolder();
    await put({ cert, key });
    const dataDir = join(folder.path, "data");
    apiKey = (await runVeil(["--data-dir", dataDir, "keys", "create", "boss", "--role", "admin"])).out.trim();
    const set = Object.entries(files()).flatMap(([name, path]) => ["--set", `http.${name}=${path}`]);
    veil = await startProgram({ dataDir, flags: ["--host", "0.0.0.0", ...set] });
  });
  after(async () => {
    await veil?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const ask = (path: string, options: object = {}, body = "") =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }>((resolve, reject) => {
      const sent = httpsRequest(new URL(path, veil.address), { ca: cert, agent: false, ...options }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part) => {
          text += part;
        });
        answer.on("end", () => resolve({ status: answer.statusCode!, headers: answer.headers, text }));
      });
      sent.on("error", reject).end(body);
    });

  test("the page says where it is, browsers are told to come by nothing else, and a session's cookie is secure", async () => {
    assert.match(veil.address, /^https:\/\/localhost:\d+$/);
    const page = await ask("/");
    assert.equal(page.status, 200);
    assert.equal(page.headers["strict-transport-security"], "max-age=31536000");
    const options = { method: "POST", headers: { "content-type": "application/json" } };
    const login = await ask("/api/v1/session", options, JSON.stringify({ key: apiKey }));
    const [cookie = ""] = login.headers["set-cookie"] as string[];
    assert.match(cookie, /^__Host-veil=veil_[^;]+; Max-Age=28800; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    const seen = await ask("/api/v1/jobs", { headers: { cookie: cookie.split(";")[0] } });
    assert.equal(seen.status, 200);
  });

  test("HTTP/2 is spoken, a picture's form included", async () => {
    const session = connectHttp2(veil.address, { ca: cert });
    try {
      const send = (headers: object, body?: Buffer) =>
        new Promise<{ status: number; bytes: Buffer }>((resolve, reject) => {
          const stream = session.request({ authorization: `Bearer ${apiKey}`, ...headers });
          const parts: Buffer[] = [];
          let status = 0;
          stream.on("response", (answer) => {
            status = Number(answer[":status"]);
          });
          stream.on("data", (part) => parts.push(part));
          stream.on("end", () => resolve({ status, bytes: Buffer.concat(parts) })).on("error", reject);
          stream.end(body);
        });
      const listed = await send({ ":path": "/api/v1/jobs" });
      assert.equal(listed.status, 200);
      const form = new FormData();
      const picture = await readFile(new URL("./fixtures/astronaut.png", import.meta.url));
      form.set("image", new Blob([picture]), "a.png");
      const request = new Request("http://x", { method: "POST", body: form });
      const body = Buffer.from(await request.arrayBuffer());
      const masked = await send(
        {
          ...{ ":method": "POST", ":path": "/api/v1/anonymize" },
          "content-type": request.headers.get("content-type"),
        },
        body,
      );
      assert.equal(masked.status, 200);
      assert.equal(masked.bytes.subarray(1, 4).toString(), "PNG");
      assert.equal(session.alpnProtocol, "h2");
    } finally {
      session.close();
    }
  });

  test("nothing older than TLS 1.2 is spoken, and plain HTTP not at all", async () => {
    const { port } = new URL(veil.address);
    const protocolOf = (version: "TLSv1.1" | "TLSv1.2" | "TLSv1.3") =>
      new Promise<string>((resolve) => {
        const options = { port: Number(port), host: "127.0.0.1", ca: cert, minVersion: version, maxVersion: version };
        // Node's own defaults refuse the old ones before the server could.
        const socket = connect({ ...options, ciphers: "DEFAULT@SECLEVEL=0" }, () => {
          resolve(String(socket.getProtocol()));
          socket.destroy();
        });
        socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(`refused ${code}`));
      });
    assert.equal(await protocolOf("TLSv1.2"), "TLSv1.2");
    assert.equal(await protocolOf("TLSv1.3"), "TLSv1.3");
    assert.match(await protocolOf("TLSv1.1"), /^refused/);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
  });

  test("files that are no pair are refused with what is wrong with which, and what to do", async () => {
    await using place = await temporaryFolder();
    const other = (await makeCertificate())!;
    const at = (name: string) => join(place.path, name);
    const written = {
      "cert.pem": cert,
      "key.pem": key,
      "other.pem": other.key,
      "both.pem": key + cert,
      "text.pem": "?",
    };
    for (const [name, text] of Object.entries(written)) await writeFile(at(name), text);
    const read = (certName: string, keyName?: string) =>
      readCertificate({ certFile: at(certName), keyFile: keyName && at(keyName), section: "http" });
    for (const [pair, message, remedy] of [
      [
        ["cert.pem", "other.pem"],
        /other\.pem \(http\.keyFile\) is not the key of .*cert\.pem \(http\.certFile\)$/,
        /^Name the key/,
      ],
      [["text.pem", "key.pem"], /text\.pem \(http\.certFile\) is no certificate in PEM$/, /BEGIN CERTIFICATE/],
      [["cert.pem", "text.pem"], /text\.pem \(http\.keyFile\) is no private key in PEM/, /BEGIN PRIVATE KEY/],
      [["cert.pem", "gone.pem"], /gone\.pem \(http\.keyFile\): there is no such file$/, /^Look at its path/],
      [[".", "key.pem"], /\(http\.certFile\): it is a folder$/, /^Name the file/],
      [["cert.pem"], /^http\.keyFile is missing$/, /go together/],
    ] as const) {
      await assert.rejects(read(pair[0], pair[1]), (problem: Problem) => {
        assert.equal(problem.code, "invalid-config");
        assert.match(problem.message, message);
        assert.match(problem.remedy ?? "", remedy);
        return true;
      });
    }
    assert.ok(await read("both.pem", "both.pem"), "both in one file are a pair");
  });

  test("a renewed certificate is told once it is whole, and a broken one changes nothing", async () => {
    const stopping = new AbortController();
    const renewed: string[] = [];
    const problems: Problem[] = [];
    watchCertificate(
      { ...files(), section: "http" },
      { cert, key },
      {
        ...{ signal: stopping.signal, everyMs: 20, onProblem: (problem) => problems.push(problem) },
        onRenewed: (next) => renewed.push(next.cert),
      },
    );
    const next = (await makeCertificate())!;
    // As a renewal writes them: for a moment the two do not belong together.
    const { certFile } = files();
    await writeFile(`${certFile}.new`, next.cert);
    await rename(`${certFile}.new`, certFile);
    await eventually("it is told", () => problems.length > 0);
    assert.deepEqual(renewed, []);
    await writeFile(files().keyFile, next.key);
    await eventually("it is renewed", () => renewed.length > 0);
    assert.deepEqual(renewed, [next.cert]);
    assert.equal(problems.length, 1);
    assert.match(problems[0]!.message, /key\.pem \(http\.keyFile\) is not the key of .*cert\.pem \(http\.certFile\)$/);
    stopping.abort();
  });

  test("new connections get the renewed certificate without a restart", async () => {
    const next = (await makeCertificate())!;
    await put(next);
    const serialSeen = () =>
      new Promise<boolean>((resolve) => {
        const { port } = new URL(veil.address);
        const socket = connect({ port: Number(port), host: "127.0.0.1", ca: next.cert }, () => {
          resolve(socket.authorized);
          socket.destroy();
        });
        socket.on("error", () => resolve(false));
      });
    await eventually("the new one is shown", serialSeen, 20_000);
  });
});
