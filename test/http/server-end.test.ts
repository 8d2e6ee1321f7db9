import assert from "node:assert/strict";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Readable } from "node:stream";
import { describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { closeWithin } from "../../src/http/connections.ts";
import { until } from "../e2e/program.ts";
import { certificate, openServer, secure, type Way, ways } from "./bare-server.ts";

/** A client that keeps its connection, and sends the beginning of a body with POST. */
function openClient(way: Way, port: number) {
  const at = { port, host: "127.0.0.1", ca: certificate?.cert, servername: "localhost" };
  const follow = (stream: Readable) => {
    let heard = "";
    stream.on("data", (part) => {
      heard += part;
    });
    stream.on("error", () => {});
    return { heard: () => heard, ended: new Promise((resolve) => stream.once("end", resolve)) };
  };
  if (way === "HTTP/2") {
    const session = connectHttp2("https://localhost", {
      createConnection: () => connectTls({ ...at, ALPNProtocols: ["h2"] }),
    }).on("error", () => {});
    return {
      async ask(method: "GET" | "POST", path: string) {
        const stream = session.request({ ":method": method, ":path": path }, { endStream: method === "GET" });
        if (method === "POST") stream.write("begun");
        return follow(stream);
      },
      close: () => session.destroy(),
    };
  }
  const agent = way === "HTTP" ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true });
  return {
    async ask(method: "GET" | "POST", path: string) {
      const headers = method === "POST" ? { "content-length": 1000, "content-type": "text/plain" } : {};
      const sent = (way === "HTTP" ? httpRequest : httpsRequest)({ ...at, agent, method, path, headers });
      if (method === "POST") sent.write("begun");
      else sent.end();
      const answer = new Promise<Readable>((resolve) => sent.once("response", resolve));
      sent.on("error", () => {});
      return follow(await answer);
    },
    close: () => agent.destroy(),
  };
}

describe("the end of a server", () => {
  for (const way of ways) {
    const optional = way === "HTTP" ? {} : secure;

    test(
      `sends by ${way} what it has begun, and does not wait for another request on that connection`,
      optional,
      async () => {
        const { server, port, rest } = await openServer(way);
        const client = openClient(way, port);
        const { heard, ended } = await client.ask("GET", "/halves");
        await until("the first half", async () => heard() === "one ");
        const closing = closeWithin(server, 10_000);
        const began = performance.now();
        setTimeout(rest, 200);
        await ended;
        assert.equal(heard(), "one two");
        await closing;
        assert.ok(performance.now() - began < 2000, `${performance.now() - began} ms`);
        client.close();
      },
    );

    test(`waits by ${way} for no request that was answered before it had come`, optional, async () => {
      const { server, port } = await openServer(way);
      const client = openClient(way, port);
      const { heard } = await client.ask("POST", "/refused");
      await until("its answer", async () => heard() === "no");
      const began = performance.now();
      await closeWithin(server, 10_000);
      assert.ok(performance.now() - began < 2000, `${performance.now() - began} ms`);
      client.close();
    });
  }
});
