import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createPlainServer, type Server } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { textOf } from "../../src/stores/http-body.ts";
import { createHttpClient, type HttpClient } from "../../src/stores/http-client.ts";
import { withCode } from "../contracts/store.ts";

const offline = withCode("store-unavailable");

async function listening<S extends Server>(server: S): Promise<{ readonly url: URL } & AsyncDisposable> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x`),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** What is asked for with `Expect: 100-continue` is answered by `asked`. */
function serverWith(handler: Handler, asked: Handler) {
  return listening(createServer(handler).on("checkContinue", asked));
}

async function put(client: HttpClient, url: URL, body: Readable) {
  return await client.call({ method: "PUT", url, body, what: "Cannot write x" });
}

const echo: Handler = async (request, response) => response.end(await text(request));

describe("the HTTP client of stores", () => {
  test("sends no body that the server does not want, so that it can be sent again", async () => {
    await using server = await serverWith(echo, (request, response) => {
      if (request.headers.authorization === undefined) return void response.writeHead(401).end();
      response.writeContinue();
      echo(request, response);
    });
    const client = createHttpClient({});
    const body = Readable.from([Buffer.from("photograph")]);
    const refused = await put(client, server.url, body);
    assert.equal(refused.status, 401);
    assert.equal(refused.isBodyUntouched, true);
    await textOf(refused);
    const headers = { authorization: "x" };
    const answer = await client.call({ method: "PUT", url: server.url, headers, body, what: "" });
    assert.equal(await textOf(answer), "photograph");
    client.close();
  });

  test("sends a body all the same where the server does not say or does not like being asked", async () => {
    let asked = 0;
    await using silent = await serverWith(echo, (request, response) => {
      asked += 1;
      echo(request, response);
    });
    const client = createHttpClient({});
    for (const content of ["a", "b", "c", "d", "e"])
      assert.equal(await textOf(await put(client, silent.url, Readable.from([Buffer.from(content)]))), content);
    // Each of these cost a second.
    assert.equal(asked, 3);
    client.close();
    await using old = await serverWith(echo, (_request, response) => void response.writeHead(417).end());
    const other = createHttpClient({});
    assert.equal(await textOf(await put(other, old.url, Readable.from([Buffer.from("f")]))), "f");
    other.close();
  });

  test("calls again over a new connection where the server had closed the one that was kept", async () => {
    const calls = new Map<unknown, number>();
    await using server = await serverWith((request, response) => {
      const count = (calls.get(request.socket) ?? 0) + 1;
      calls.set(request.socket, count);
      if (count === 1) response.end("fine");
      else request.socket.destroy();
    }, echo);
    const client = createHttpClient({});
    for (let round = 0; round < 4; round += 1)
      assert.equal(await textOf(await client.call({ method: "MKCOL", url: server.url, what: "" })), "fine");
    assert.equal(calls.size, 4);
    client.close();
  });

  test("waits neither for a connection nor for an answer for ever, nor takes another protocol for one", async () => {
    await using mute = await listening(createPlainServer(() => {}));
    await using other = await listening(createPlainServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")));
    const client = createHttpClient({ connectMs: 200, idleMs: 200 });
    const secure = new URL(mute.url.href.replace("http:", "https:"));
    const call = (url: URL) => client.call({ method: "GET", url, what: "Cannot read x from archive" });
    await assert.rejects(call(secure), { code: "store-unavailable", message: /no connection within 200 ms/ });
    await assert.rejects(call(mute.url), { code: "store-unavailable", message: /silent for 200 ms/ });
    await assert.rejects(call(other.url), offline);
    await assert.rejects(put(client, mute.url, Readable.from([Buffer.alloc(10)])), offline);
    client.close();
  });

  test("ends a call whose body fails or is ended before it was wanted, with the body's own error", async () => {
    await using server = await serverWith(echo, () => {});
    const client = createHttpClient({});
    const failing = new Readable({ read() {} });
    const call = put(client, server.url, failing);
    failing.destroy(new Error("the line broke"));
    await assert.rejects(call, /the line broke/);
    const ended = new Readable({ read() {} });
    const other = put(client, server.url, ended);
    ended.destroy();
    await assert.rejects(other, offline);
    client.close();
  });
});
