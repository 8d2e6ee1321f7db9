import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { until } from "../e2e/program.ts";
import { assertMaskedAnswer, type Client, portraitJpeg, startClient } from "./client.ts";
import { assertGoesOnBeside, openIdleClients } from "./idle-clients.ts";
import { beginOfUpload, trickle } from "./trickle.ts";

const set = (settings: Readonly<Record<string, string | number>>) =>
  Object.entries(settings).flatMap(([path, value]) => ["--set", `${path}=${value}`]);

const connected = (address: string) => connect(Number(new URL(address).port), "127.0.0.1");

describe("clients that are slow on purpose", () => {
  let veil: Client;
  before(async () => {
    veil = await startClient({ flags: set({ "http.headersMs": 1000, "http.requestMs": 2000 }) });
  });
  after(() => veil[Symbol.asyncDispose]());

  test("a connection that says nothing, or its headers byte by byte, is cut off in time", async () => {
    const slow = [
      await trickle(connected(veil.address), "", ""),
      await trickle(connected(veil.address), "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", "a".repeat(1000)),
    ];
    for (const { closed } of slow) {
      const { heard, tookMs } = await closed;
      assert.match(heard, /^HTTP\/1\.1 408 /);
      assert.ok(tookMs > 900 && tookMs < 3000, `${tookMs} ms`);
    }
  });

  test("an upload that trickles is cut off in time, and nothing of it stays in the spool", async () => {
    const portrait = await portraitJpeg();
    const { closed } = await trickle(connected(veil.address), beginOfUpload(portrait), "x".repeat(1000));
    await until("it comes into the spool", async () => (await veil.spoolFiles()).length > 0, 2000);
    const { tookMs } = await closed;
    assert.ok(tookMs > 1500 && tookMs < 5000, `${tookMs} ms`);
    await until("an empty spool", async () => (await veil.spoolFiles()).length === 0, 5000);
    assert.doesNotMatch(veil.log(), /"level":(50|60)/);
    await assertMaskedAnswer(veil, portrait);
  });
});

describe("many connections that say nothing", () => {
  test("a thousand of them slow nobody down", async (t) => {
    await using veil = await startClient({});
    t.diagnostic(await assertGoesOnBeside(veil, 1000));
  });

  test("above the limit are closed at once, which is told once, and those below it are served", async () => {
    await using veil = await startClient({ flags: set({ "http.connections": 64, "http.headersMs": 1500 }) });
    await using idle = await openIdleClients(veil.address, 200);
    await until("the rest is closed", async () => idle.counts().closed >= 136, 5000);
    assert.equal(veil.log().match(/as many connections as may be/g)?.length, 1);
    // Their time is over: there is room again.
    await until("all are closed", async () => idle.counts().closed === 200, 10_000);
    await assertMaskedAnswer(veil, await portraitJpeg());
  });

  test("do not hold up the end of veil", async () => {
    await using veil = await startClient({});
    await using idle = await openIdleClients(veil.address, 300);
    const began = performance.now();
    assert.equal(await veil.stop(), 0);
    assert.ok(performance.now() - began < 5000, `it took ${performance.now() - began} ms`);
    await until("all are closed", async () => idle.counts().closed === 300, 5000);
  });
});
