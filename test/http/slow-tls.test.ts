import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type ClientHttp2Session, connect as connectHttp2, type Settings } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { createConnectionBudget } from "../../src/http/connection-budget.ts";
import { closeWithin } from "../../src/http/connections.ts";
import { createWebhookServer } from "../../src/http/webhook.ts";
import { createLog } from "../../src/log.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { until } from "../e2e/program.ts";
import { makeCertificate } from "../fixtures/certificate.ts";
import { type Client, form, portraitJpeg, startClient } from "./client.ts";
import { beginOfUpload, type CutOff, trickle } from "./trickle.ts";

const certificate = await makeCertificate();
const skip = certificate === undefined && "not run: there is no openssl";
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let portrait: Buffer;
before(async () => {
  folder = await temporaryFolder();
  portrait = await portraitJpeg();
});
after(() => folder[Symbol.asyncDispose]());

async function startByTls(limits: Readonly<Record<string, number>>): Promise<Client> {
  const [certFile, keyFile] = [join(folder.path, "cert.pem"), join(folder.path, "key.pem")];
  await writeFile(certFile, certificate!.cert);
  await writeFile(keyFile, certificate!.key);
  const settings = Object.entries({ ...limits, "http.certFile": certFile, "http.keyFile": keyFile });
  return startClient({ flags: settings.flatMap(([name, value]) => ["--set", `${name}=${value}`]) });
}

/** A connection before its handshake, or after it by a protocol. */
function connected(port: number, protocol: "TCP" | "http/1.1" | "h2") {
  if (protocol === "TCP") return connect(port, "127.0.0.1");
  const tls = { port, host: "127.0.0.1", servername: "localhost", ca: certificate!.cert };
  return connectTls({ ...tls, ALPNProtocols: [protocol] });
}

/** What an HTTP/2 client says first, with empty settings. */
const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
/** The head of a HEADERS frame of 1000 bytes, of the first stream. */
const headersFrame = Buffer.from([0, 3, 0xe8, 1, 4, 0, 0, 0, 1]);
/** The head of a ClientHello of 4 KiB. */
const clientHello = Buffer.from([0x16, 3, 1, 0x10, 0, 1, 0, 0x0f, 0xfc, 3, 3]);
const bytes = "a".repeat(1000);

function assertSoon({ tookMs }: Pick<CutOff, "tookMs">, limitMs: number, what?: string): void {
  assert.ok(tookMs > limitMs * 0.9 && tookMs < limitMs + 2500, `${what}: ${tookMs} ms`);
}

describe("clients that are slow on purpose by TLS", { skip }, () => {
  let veil: Client;
  before(async () => {
    veil = await startByTls({ "http.headersMs": 1000, "http.requestMs": 2000 });
  });
  after(() => veil?.[Symbol.asyncDispose]());
  const port = () => Number(new URL(veil.address).port);

  async function withSession(use: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
    const session = connectHttp2(`https://localhost:${port()}`, { ca: certificate!.cert }).on("error", () => {});
    try {
      await use(session);
    } finally {
      session.destroy();
    }
  }

  test("a connection that never shakes hands, or byte by byte, is cut off in time", async () => {
    const slow = [
      await trickle(connected(port(), "TCP"), "", ""),
      await trickle(connected(port(), "TCP"), clientHello, bytes),
    ];
    for (const { closed } of slow) assertSoon(await closed, 1000);
  });

  test("one that says nothing after its handshake, or its headers byte by byte, is cut off in time", async () => {
    const headers = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    const slow = {
      "HTTP/1, nothing": await trickle(connected(port(), "http/1.1"), "", ""),
      "HTTP/1, headers": await trickle(connected(port(), "http/1.1"), headers, bytes),
      "HTTP/2, nothing": await trickle(connected(port(), "h2"), "", ""),
      "HTTP/2, preface": await trickle(connected(port(), "h2"), "PRI * HTTP", "/2.0"),
      "HTTP/2, settings alone": await trickle(connected(port(), "h2"), preface, ""),
      "HTTP/2, headers": await trickle(connected(port(), "h2"), Buffer.concat([preface, headersFrame]), bytes),
    };
    for (const [what, { closed }] of Object.entries(slow)) {
      const cut = await closed;
      assertSoon(cut, 1000, what);
      assert.equal(/^HTTP\/1\.1 408 /.test(cut.heard), what.startsWith("HTTP/1"), what);
    }
  });

  test("an HTTP/2 session on which nothing is asked any more ends in time, whatever it pings", () =>
    withSession(async (session) => {
      await once(session, "connect");
      const began = performance.now();
      const pinging = setInterval(() => session.destroyed || session.ping(() => {}), 100);
      const closed = once(session, "close");
      const answered = async () => {
        const stream = session.request({ ":path": "/healthz" }).resume();
        const [headers] = await once(stream, "response");
        await once(stream, "close");
        return headers[":status"];
      };
      await until("half of its time", async () => performance.now() - began > 500);
      assert.equal(await answered(), 200);
      await closed;
      clearInterval(pinging);
      assertSoon({ tookMs: performance.now() - began }, 1500);
    }));

  test("an HTTP/2 session is not ended while an answer is waited for", () =>
    withSession(async (session) => {
      const body = new Request("http://x", { method: "POST", body: form("image", [portrait]) });
      const stream = session.request({
        ...{ ":method": "POST", ":path": "/api/v1/jobs?profile=thorough", prefer: "wait=30" },
        "content-type": body.headers.get("content-type")!,
      });
      stream.write(Buffer.from(await body.arrayBuffer()));
      // Longer than a session may be silent, and not so long as a request may take.
      setTimeout(() => stream.end(), 1500);
      const [headers] = await once(stream.resume(), "response");
      assert.equal(headers[":status"], 200);
    }));

  test("an upload that trickles is cut off in time, by HTTP/1 and HTTP/2, and nothing of it stays in the spool", async () => {
    const { closed } = await trickle(connected(port(), "http/1.1"), beginOfUpload(portrait), bytes);
    await until("it comes into the spool", async () => (await veil.spoolFiles()).length > 0, 2000);
    assertSoon(await closed, 2000);
    await until("an empty spool", async () => (await veil.spoolFiles()).length === 0, 5000);

    await withSession(async (session) => {
      const headers = { ":method": "POST", ":path": "/api/v1/anonymize" };
      const stream = session.request({ ...headers, "content-type": "multipart/form-data; boundary=cut" });
      stream.on("error", () => {}).resume();
      const began = performance.now();
      stream.write('--cut\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n');
      stream.write(portrait);
      const timer = setInterval(() => stream.write("x"), 100);
      stream.once("close", () => clearInterval(timer));
      await until("it comes into the spool", async () => (await veil.spoolFiles()).length > 0, 2000);
      await once(stream, "close");
      assertSoon({ tookMs: performance.now() - began }, 2000);
      await until("an empty spool", async () => (await veil.spoolFiles()).length === 0, 5000);
    });
    assert.doesNotMatch(veil.log(), /"level":(50|60)/);
  });

  test("one connection asks no more at once than a hundred and some", () =>
    withSession(async (session) => {
      const [settings] = (await once(session, "remoteSettings")) as [Settings];
      assert.equal(settings.maxConcurrentStreams, 128);
    }));
});

describe("the webhook by TLS", { skip }, () => {
  test("waits for a handshake and a request as long as it says, and its end waits for neither", async () => {
    const room = { require: async () => {} };
    const parts = { token: "t", announce: async () => 0, room, connections: createConnectionBudget() };
    const log = createLog({ level: "silent", human: false });
    const server = await createWebhookServer({ ...parts, tls: certificate!, requestMs: 600 }, log);
    await server.listen({ host: "127.0.0.1", port: 0 });
    const { port } = server.server.address() as AddressInfo;
    const head = "POST /webhook?token=t HTTP/1.1\r\nHost: veil\r\nContent-Length: 1000\r\n\r\n";
    const slow = [
      await trickle(connected(port, "TCP"), clientHello, bytes),
      await trickle(connected(port, "http/1.1"), "", ""),
      await trickle(connected(port, "http/1.1"), head, bytes),
    ];
    for (const { closed } of slow) assertSoon(await closed, 600);
    const held = [await trickle(connected(port, "TCP"), "", ""), await trickle(connected(port, "http/1.1"), "", "")];
    const began = performance.now();
    await closeWithin(server, 5000);
    assert.ok(performance.now() - began < 500);
    for (const { closed } of held) await closed;
  });
});

describe("the end of veil by TLS", { skip }, () => {
  test("waits for no connection on which nothing was asked", async () => {
    await using veil = await startByTls({});
    const port = Number(new URL(veil.address).port);
    const silent = [];
    for (const protocol of ["TCP", "http/1.1", "h2"] as const)
      silent.push(await trickle(connected(port, protocol), "", ""));
    const began = performance.now();
    assert.equal(await veil.stop(), 0);
    assert.ok(performance.now() - began < 5000, `it took ${performance.now() - began} ms`);
    for (const { closed } of silent) await closed;
  });

  test("waits ten seconds for an upload that trickles, and no longer", async () => {
    await using veil = await startByTls({});
    const port = Number(new URL(veil.address).port);
    const upload = await trickle(connected(port, "http/1.1"), beginOfUpload(portrait), bytes);
    await until("it comes into the spool", async () => (await veil.spoolFiles()).length > 0, 5000);
    const began = performance.now();
    assert.equal(await veil.stop(), 0);
    const tookMs = performance.now() - began;
    assert.ok(tookMs > 8000 && tookMs < 14_000, `it took ${tookMs} ms`);
    await upload.closed;
  });
});
