import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { bodyOf, read } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { makeCertificate } from "../fixtures/certificate.ts";
import { startDeafListener } from "../fixtures/deaf-listener.ts";
import { startFaultProxy } from "../fixtures/fault-proxy.ts";
import { startVsftpd, withoutVsftpd } from "../fixtures/ftp-server.ts";
import { openFtp } from "../stores/ftp-store.ts";
import { failing, told } from "./told.ts";

const image = { contentType: "image/jpeg" };

describe("an FTP server in trouble", { skip: withoutVsftpd() }, () => {
  test("that takes no more connections of this account is out of reach, and what to set is told", async () => {
    await using server = await startVsftpd("none", ["max_per_ip=1"]);
    await using opened = await openFtp(server);
    const { store } = opened;
    const bytes = randomBytes(20_000_000);
    await store.put("x.jpg", bodyOf(bytes), image);
    const { stream } = await store.get("x.jpg");
    const reading = stream[Symbol.asyncIterator]();
    await reading.next();
    const told421 = told("store-unavailable", { names: ["archive", "x.jpg"], remedy: /connections/ });
    await assert.rejects(store.head("x.jpg"), told421);
    while (!(await reading.next()).done);
    assert.equal((await read(store, "x.jpg")).compare(bytes), 0);
  });

  test("whose data connections a firewall swallows is out of reach in bounded time", async () => {
    await using server = await startVsftpd();
    await using deaf = await startDeafListener();
    await using proxy = await startFaultProxy({
      target: server.port,
      rewrite(said) {
        const [high, low] = [deaf.port >> 8, deaf.port & 255];
        const text = said.toString("latin1").replace(/\|\|\|\d+\|/, `|||${deaf.port}|`);
        return Buffer.from(text.replace(/^(227 .*),\d+,\d+\)/, `$1,${high},${low})`), "latin1");
      },
    });
    await using opened = await openFtp(server, { port: proxy.port });
    const { store, root } = opened;
    await writeFile(join(root, "x.jpg"), "x");
    assert.equal((await store.head("x.jpg"))?.size, 1);
    for (const act of [() => read(store, "x.jpg"), () => store.put("x.jpg", bodyOf("new"), image)]) {
      const { problem, ms } = await failing(act);
      told("store-unavailable", { names: ["archive", "x.jpg"] })(problem);
      assert.ok(ms < 10_000, `it took ${ms} ms`);
    }
  });

  for (const [what, options, said] of [
    ["has expired", { isExpired: true }, /expired/],
    ["is for another host", { names: "DNS:elsewhere.example" }, /altname/i],
  ] as const) {
    test(`whose certificate ${what} gets neither password nor pictures`, async () => {
      await using folder = await temporaryFolder();
      await using server = await startVsftpd();
      const certificate = (await makeCertificate(options))!;
      const caFile = join(folder.path, "ca.pem");
      await writeFile(caFile, certificate.cert);
      await using proxy = await startFaultProxy({ target: server.port, certificate });
      await using opened = await openFtp(server, { port: proxy.port, tls: "implicit", caFile });
      const { problem } = await failing(() => opened.store.head("x.jpg"));
      told("store-unavailable", { names: ["archive", "x.jpg"], remedy: /certificate/, secrets: [server.password] })(
        problem,
      );
      assert.match(problem.message, said);
    });
  }
});
