import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { type FastifyInstance, fastify } from "fastify";
import { limitStalls } from "../../src/http/stalled.ts";
import { until } from "../e2e/program.ts";
import { makeCertificate } from "../fixtures/certificate.ts";
import { form, portraitJpeg, startClient } from "./client.ts";

const stallMs = 1000;
/** More than a system's buffers hold. */
const bigBytes = 64 * 2 ** 20;
const certificate = await makeCertificate();

/** What a client takes of one answer, and when it takes it. */
interface Taker extends Disposable {
  /** Goes on until `bytes` came, the answer has ended or nothing more comes; answers how many came. */
  take(bytes: number): Promise<number>;
}

function takerOf(stream: Readable, dispose: () => void): Taker {
  let [taken, wanted] = [0, 0];
  let enough = () => {};
  stream.pause();
  stream.on("data", (chunk: Buffer) => {
    taken += chunk.length;
    if (taken < wanted) return;
    stream.pause();
    enough();
  });
  stream.on("error", () => {});
  stream.once("close", () => enough());
  return {
    async take(bytes) {
      [taken, wanted] = [0, bytes];
      const { promise, resolve } = Promise.withResolvers<void>();
      enough = resolve;
      if (stream.destroyed) resolve();
      else stream.resume();
      await Promise.race([promise, sleep(10_000, undefined, { ref: false })]);
      return taken;
    },
    [Symbol.dispose]: dispose,
  };
}

const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;

/** How one asks, without reading more than one is told to. */
const ways: Readonly<Record<string, (port: number, path: string) => Taker>> = {
  "HTTP/1"(port, path) {
    const socket = connect(port, "127.0.0.1");
    socket.write(ask(path));
    return takerOf(socket, () => socket.destroy());
  },
  "HTTP/1 by TLS"(port, path) {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
    socket.write(ask(path));
    return takerOf(socket, () => socket.destroy());
  },
  "HTTP/2"(port, path) {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    session.on("error", () => {});
    const stream = session.request({ ":path": path });
    return takerOf(stream, () => session.destroy());
  },
};

/** A server whose answers are large; `open` counts the sources of those that are on their way. */
async function startServer(name: string) {
  const server = (name === "HTTP/1"
    ? fastify({ forceCloseConnections: true })
    : fastify({ http2: true, https: { ...certificate!, allowHTTP1: true } })) as unknown as FastifyInstance;
  const answers = limitStalls(server, stallMs);
  let open = 0;
  server.get("/stream", async (_request, reply) => {
    let left = bigBytes;
    const source = new Readable({
      read() {
        left -= 2 ** 20;
        this.push(left < 0 ? null : Buffer.alloc(2 ** 20));
      },
    });
    open++;
    source.once("close", () => open--);
    return reply.type("application/octet-stream").send(source);
  });
  server.get("/text", async (_request, reply) => {
    open++;
    reply.raw.once("close", () => open--);
    return "x".repeat(bigBytes);
  });
  // Nothing is there to be taken for longer than a client may leave something.
  server.get("/slow-source", async (_request, reply) => {
    async function* late() {
      yield "one";
      await sleep(stallMs * 2);
      yield "two";
    }
    return reply.send(Readable.from(late(), { objectMode: false }));
  });
  await server.listen({ port: 0, host: "127.0.0.1" });
  return { server, answers, open: () => open, port: (server.server.address() as { port: number }).port };
}

for (const name of Object.keys(ways)) {
  const skip = name !== "HTTP/1" && certificate === undefined && "needs openssl";
  describe(`an answer by ${name}`, { skip }, () => {
    let started: Awaited<ReturnType<typeof startServer>>;
    const take = (path: string) => ways[name]!(started.port, path);
    before(async () => {
      started = await startServer(name);
    });
    after(() => started.server.close());

    for (const path of ["/stream", "/text"]) {
      test(`of which nothing is taken is cut off in time, and holds nothing any more: ${path}`, async () => {
        using _stalled = take(path);
        await until("it is on its way", async () => started.open() === 1, 2000);
        const began = performance.now();
        await until("it is cut off", async () => started.open() === 0, 5000);
        const tookMs = performance.now() - began;
        assert.ok(tookMs > stallMs * 0.8, `${tookMs} ms`);
      });

      test(`that is taken slowly comes whole: ${path}`, async () => {
        using slow = take(path);
        const began = performance.now();
        let taken = 0;
        // In each step more than what systems take at once, so that veil sees it.
        while (taken < bigBytes) {
          const step = await slow.take(8 * 2 ** 20);
          if (step === 0) break;
          taken += step;
          await sleep(stallMs * 0.4);
        }
        assert.ok(taken >= bigBytes, `${taken} of ${bigBytes} bytes`);
        assert.ok(performance.now() - began > stallMs * 2);
        await until("it is over", async () => started.open() === 0, 2000);
      });
    }

    if (name === "HTTP/1") {
      test("that waits behind another one, which is taken slowly, is not held against its client", async () => {
        const socket = connect(started.port, "127.0.0.1");
        socket.write(ask("/stream").replace("Connection: close\r\n", "") + ask("/stream"));
        using two = takerOf(socket, () => socket.destroy());
        let taken = 0;
        for (let step = 1; taken < 2 * bigBytes && step > 0; taken += step) {
          step = await two.take(8 * 2 ** 20);
          await sleep(stallMs * 0.4);
        }
        assert.ok(taken >= 2 * bigBytes, `${taken} bytes`);
      });
    }

    test("that veil itself is slow to give is waited for", async () => {
      using patient = take("/slow-source");
      const taken = await patient.take(bigBytes);
      assert.ok(taken >= 6, `${taken} bytes`);
    });
  });
}

describe("uploads whose answers nobody reads", () => {
  test("give their places to others, and leave nothing in the spool", async () => {
    const flags = ["--set", "http.uploadsAtOnce=3", "--set", "http.requestMs=10000"];
    await using veil = await startClient({ flags });
    const portrait = await portraitJpeg();
    // Answers larger than what a system takes for a client that reads nothing.
    const large = await readFile(new URL("../fixtures/astronaut.png", import.meta.url));
    const pictures = Array.from({ length: 24 }, () => large);
    const body = new Response(form("images", pictures));
    const bytes = Buffer.from(await body.arrayBuffer());
    const head = [
      "POST /api/v1/anonymize/batch?profile=fast HTTP/1.1",
      `Host: ${new URL(veil.address).host}`,
      `Content-Type: ${body.headers.get("content-type")}`,
      `Content-Length: ${bytes.length}`,
    ].join("\r\n");
    const stalled = Array.from({ length: 3 }, () => {
      const socket = connect(Number(new URL(veil.address).port), "127.0.0.1").pause();
      socket.on("error", () => {});
      socket.write(`${head}\r\n\r\n`);
      socket.write(bytes);
      return socket;
    });
    try {
      const answer = () => veil.post("/api/v1/detect", form("image", [portrait]));
      await until("all places are taken", async () => (await answer()).status === 429, 10_000);
      const began = performance.now();
      // Before their time is over: somebody else wants to come in.
      await until("a place is free", async () => (await answer()).status === 200, 60_000);
      assert.match(veil.log(), /"ms":5000,"msg":"an answer is cut off/);
      await until("an empty spool", async () => (await veil.spoolFiles()).length === 0, 10_000);
      assert.ok(performance.now() - began < 60_000);
      assert.doesNotMatch(veil.log(), /"level":(50|60)/);
    } finally {
      for (const socket of stalled) socket.destroy();
    }
  });
});
