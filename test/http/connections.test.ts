import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { isLoopback } from "../../src/network-address.ts";
import { startProgram, temporaryDataDir, until } from "../e2e/program.ts";
import { runVeil } from "../fixtures/veil-command.ts";
import { certificate, openServer, secure, type Way, ways } from "./bare-server.ts";

/** Connections from an address that say nothing, by TLS after a handshake. */
async function idle(way: Way, port: number, localAddress: string, count: number): Promise<Socket[]> {
  const at = { port, host: "127.0.0.1", localAddress };
  const tls = { ...at, ca: certificate?.cert, servername: "localhost" };
  const sockets = Array.from({ length: count }, () =>
    way === "HTTP" ? connect(at) : connectTls({ ...tls, ALPNProtocols: [way === "TLS" ? "http/1.1" : "h2"] }),
  );
  const settled = (socket: Socket) =>
    new Promise<unknown>((resolve) => {
      socket.on("error", () => {}).resume();
      socket.once(way === "HTTP" ? "connect" : "secureConnect", resolve).once("close", resolve);
    });
  await Promise.all(sockets.map(settled));
  return sockets;
}

/** By which version of HTTP a request from an address is answered. */
async function asked(way: Way, port: number, localAddress: string): Promise<string> {
  const at = { port, host: "127.0.0.1", localAddress };
  const tls = { ...at, ca: certificate?.cert, servername: "localhost" };
  if (way === "HTTP/2") {
    const session = connectHttp2("https://localhost", {
      createConnection: () => connectTls({ ...tls, ALPNProtocols: ["h2"] }),
    });
    session.on("error", () => {});
    try {
      const stream = session.request({ ":path": "/" }).setEncoding("utf8");
      return String(await once(stream, "data"));
    } finally {
      session.close();
    }
  }
  const sent = way === "HTTP" ? httpRequest({ ...at, agent: false }) : httpsRequest({ ...tls, agent: false });
  sent.end();
  const [answer] = await once(sent, "response");
  return String(await once(answer.setEncoding("utf8"), "data"));
}

describe("one address", () => {
  for (const way of ways)
    test(
      `has its connections and no more by ${way}; the rest is closed at once and told once, others go on, and what it closes it may open again`,
      way === "HTTP" ? {} : secure,
      async () => {
        const { port, lines, page } = await openServer(way);
        const sockets = await idle(way, port, "127.0.0.2", 8);
        await until("the rest is closed", async () => sockets.filter(({ closed }) => closed).length === 3, 2000);
        assert.deepEqual(page(), { open: 5, refused: { all: 0, address: 3 } });
        assert.equal(await asked(way, port, "127.0.0.3"), way === "HTTP/2" ? "2.0" : "1.1");
        await assert.rejects(asked(way, port, "127.0.0.2"));
        const told = lines.filter((line) => line.includes("as many connections as it may"));
        assert.deepEqual(
          told
            .map((line) => JSON.parse(line))
            .map(({ listener, address, connections }) => [listener, address, connections]),
          [["page", "127.0.0.2", 5]],
        );
        assert.equal(lines.filter((line) => /"level":[3-6]0/.test(line)).length, told.length + 1, lines.join(""));

        for (const socket of sockets) socket.destroy();
        await until("all are given back", async () => page().open === 0, 2000);
        assert.equal(await asked(way, port, "127.0.0.2"), way === "HTTP/2" ? "2.0" : "1.1");
      },
    );

  test("a handshake that never comes counts too", secure, async () => {
    const { port, page } = await openServer("HTTP/2");
    const sockets = await idle("HTTP", port, "127.0.0.2", 8);
    await until("the rest is closed", async () => sockets.filter(({ closed }) => closed).length === 3, 2000);
    await assert.rejects(asked("HTTP/2", port, "127.0.0.2"));
    for (const socket of sockets) socket.destroy();
    await until("all are given back", async () => page().open === 0, 2000);
  });

  const own = Object.values(networkInterfaces())
    .flatMap((one) => one ?? [])
    .find(({ address, family }) => family === "IPv4" && !isLoopback(address))?.address;
  test("has no more of the running program, which says so in its metrics", {
    skip: own === undefined && "not run: this machine has no address but loopback",
  }, async () => {
    const dataDir = await temporaryDataDir();
    const key = (await runVeil(["--data-dir", dataDir, "keys", "create", "it", "--role", "read"])).out.trim();
    const set = ["http.allowPlain=true", "http.addressConnections=5"].flatMap((one) => ["--set", one]);
    await using veil = await startProgram({ dataDir, flags: ["--host", "0.0.0.0", ...set] });
    const port = Number(new URL(veil.address).port);
    const sockets = Array.from({ length: 9 }, () =>
      connect(port, own)
        .on("error", () => {})
        .resume(),
    );
    await until("the rest is closed", async () => sockets.filter(({ closed }) => closed).length === 4, 2000);
    await sleep(200);
    assert.equal(sockets.filter(({ closed }) => closed).length, 4);
    const metrics = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: `Bearer ${key}` } });
    const text = await metrics.text();
    assert.match(text, /^veil_connections_refused_total\{listener="page",reason="address"\} 4$/m);
    assert.match(text, /^veil_connections\{listener="page"\} 6$/m);
    for (const socket of sockets) socket.destroy();
  });
});
