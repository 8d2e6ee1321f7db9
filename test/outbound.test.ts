import assert from "node:assert/strict";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { createOutbound } from "../src/outbound.ts";

let server: Server;
let base: string;
const seen: { readonly url: string; readonly authorization: string | undefined }[] = [];
const answers: Record<string, (answer: ServerResponse) => void> = {
  "/ok": (answer) => answer.setHeader("content-type", "text/plain").end("hello"),
  "/to-ok": (answer) => answer.writeHead(302, { location: "/ok" }).end(),
  "/to-other-name": (answer) =>
    answer.writeHead(302, { location: `${base.replace("127.0.0.1", "localhost")}/ok` }).end(),
  "/to-metadata": (answer) => answer.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end(),
  "/to-mapped": (answer) => answer.writeHead(307, { location: "http://[::ffff:10.0.0.1]/" }).end(),
  "/to-file": (answer) => answer.writeHead(302, { location: "file:///etc/passwd" }).end(),
  "/round": (answer) => answer.writeHead(302, { location: "/round" }).end(),
  "/silent": () => {},
};

before(async () => {
  server = createServer(({ url = "", headers }, answer) => {
    seen.push({ url, authorization: headers.authorization });
    answers[url]?.(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("what is asked outside", () => {
  const named = createOutbound({ privateHosts: ["127.0.0.1"], remedy: "Name it." });

  test("an address of this machine or its network is refused unless it is named, whatever way it is written", async () => {
    const strict = createOutbound({ remedy: "Name it." });
    const { port } = new URL(base);
    const inner = ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "[::]"];
    for (const host of [...inner, "10.0.0.1", "192.168.1.1", "169.254.169.254", "[fd00::1]", "[fe80::1]"])
      await assert.rejects(
        strict(`http://${host}:${port}/ok`),
        { code: "invalid-config", message: /private network/ },
        host,
      );
    assert.equal(seen.length, 0);
    assert.equal(await (await named(`${base}/ok`)).text(), "hello");
  });

  test("a host is named in any case, with a dot behind it, and an address without its brackets", async () => {
    const { port } = new URL(base);
    const asked = async (privateHost: string, host: string) =>
      (await createOutbound({ privateHosts: [privateHost], remedy: "" })(`http://${host}:${port}/ok`)).status;
    for (const [privateHost, host] of [
      ["LocalHost", "localhost"],
      ["localhost", "LOCALHOST"],
      ["localhost.", "localhost"],
      ["::1", "[::1]"],
      ["[::1]", "[::1]"],
    ] as const)
      assert.equal(await asked(privateHost, host), 200, `${privateHost} for ${host}`);
    for (const other of ["localhos", "example.localhost", "127.0.0.1"])
      await assert.rejects(asked(other, "localhost"), { code: "invalid-config" }, other);
  });

  test("each redirect is checked like a first request, and takes no credentials elsewhere", async () => {
    const headers = { authorization: "Bearer secret" };
    assert.equal(await (await named(`${base}/to-ok`, { headers })).text(), "hello");
    assert.equal(seen.at(-1)?.authorization, "Bearer secret");
    for (const path of ["/to-other-name", "/to-metadata", "/to-mapped"])
      await assert.rejects(
        named(base + path, { headers }),
        { code: "invalid-config", message: /private network/ },
        path,
      );
    await assert.rejects(named(`${base}/to-file`), { code: "invalid-config", message: /neither http nor https/ });
    await assert.rejects(named(`${base}/round`), { code: "store-unavailable", message: /redirects without end/ });
    const both = createOutbound({ privateHosts: ["127.0.0.1", "localhost"], remedy: "" });
    assert.equal(await (await both(`${base}/to-other-name`, { headers })).text(), "hello");
    assert.equal(seen.at(-1)?.authorization, undefined);
  });

  test("what is sent by POST is not sent on", async () => {
    const answer = await named(`${base}/to-ok`, { method: "POST", body: "secret" });
    assert.equal(answer.status, 302);
  });

  test("whoever does not answer is given up", async () => {
    const hasty = createOutbound({ privateHosts: ["127.0.0.1"], remedy: "", timeoutMs: 200 });
    await assert.rejects(hasty(`${base}/silent`), { code: "store-unavailable" });
  });
});
