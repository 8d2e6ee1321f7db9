import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { loadConfig } from "../../src/config.ts";
import { faultsOf } from "./faults.ts";

const cwd = mkdtempSync(join(tmpdir(), "veil-config-"));
after(() => rm(cwd, { recursive: true }));

const faults = (...set: string[]) => faultsOf({ cwd, flags: { set } });

describe("who may come in, as settings", () => {
  test("another address than loopback needs a certificate, a proxy, or somebody's word that it may be plain", () => {
    assert.match(faults("host=0.0.0.0")[0] ?? "", /^host \(--set\): "0\.0\.0\.0" is reached by others/);
    assert.match(faults("host=veil.example.org", "http.allowPlain=false")[0] ?? "", /is reached by others/);
    for (const said of ["http.allowPlain=true", "http.trustedProxies=10.0.0.1"])
      assert.equal(loadConfig({ cwd, env: {}, flags: { set: ["host=0.0.0.0", said] } }).host, "0.0.0.0");
    const webhook = ["events.webhook.token=a-token-of-some-length", "events.webhook.host=0.0.0.0"];
    assert.match(
      faults(...webhook)[0] ?? "",
      /^events\.webhook\.host \(--set\): .* needs events\.webhook\.certFile and/,
    );
    for (const said of ["certFile=a.pem", "allowPlain=true"])
      loadConfig({ cwd, env: {}, flags: { set: [...webhook, `events.webhook.${said}`] } });
  });

  test("what belongs together is asked for together", () => {
    assert.match(faults("http.certFile=a.pem")[0] ?? "", /expected http\.keyFile too/);
    assert.match(faults("auth.jwt.issuer=me")[0] ?? "", /expected auth\.jwt\.keysFile or auth\.jwt\.jwksUrl too/);
    assert.match(faults("auth.jwt.keysFile=a.pem")[0] ?? "", /expected auth\.jwt\.issuer too/);
    const both = faults("auth.jwt.issuer=me", "auth.jwt.keysFile=a", "auth.jwt.jwksUrl=https://a.example");
    assert.match(both[0] ?? "", /expected no auth\.jwt\.jwksUrl beside it/);
    assert.deepEqual(
      faults("auth.oidc.issuer=https://a.example").map((fault) => /expected (\S+) too/.exec(fault)?.[1]),
      ["auth.oidc.clientId", "auth.oidc.clientSecret", "http.publicUrl"],
    );
  });

  test("no token is taken by none, by both kinds of algorithms, or by one that nobody knows", () => {
    for (const algorithms of ["none", "RS256,HS256", "HS256, ES256", "RS257", "RS256,none"])
      assert.match(
        faults(`auth.jwt.algorithms=${algorithms}`)[0] ?? "",
        /^auth\.jwt\.algorithms \(--set\): expected/,
        algorithms,
      );
    for (const algorithms of ["HS256, HS512", "EdDSA", "RS256,PS256"])
      assert.doesNotThrow(() => loadConfig({ cwd, env: {}, flags: { set: [`auth.jwt.algorithms=${algorithms}`] } }));
  });

  test("proxies are addresses and networks; everybody is none", () => {
    for (const networks of ["10.0.0.0/33", "10.0.0.0/0", "::/0", "example", "10.0.0", "fd00::/129", "10.0.0.1,,"])
      assert.match(
        faults(`http.trustedProxies=${networks}`)[0] ?? "",
        /^http\.trustedProxies \(--set\): expected/,
        networks,
      );
    for (const networks of ["10.0.0.1", "10.0.0.0/8, fd00::/8,::1"])
      assert.doesNotThrow(() => loadConfig({ cwd, env: {}, flags: { set: [`http.trustedProxies=${networks}`] } }));
  });

  test("each configuration of docs/security.md is one", async () => {
    const page = await readFile(new URL("../../docs/security.md", import.meta.url), "utf8");
    const blocks = Array.from(page.matchAll(/```yaml\n([\s\S]*?)```/g), ([, text]) => text!);
    assert.ok(blocks.length >= 4);
    for (const block of blocks) {
      writeFileSync(join(cwd, "page.yaml"), block);
      const env = { VEIL_AUTH_OIDC_CLIENT_SECRET: "something" };
      assert.doesNotThrow(() => loadConfig({ cwd, env, flags: { config: "page.yaml" } }), block);
    }
  });
});
