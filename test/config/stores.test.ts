import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { storeFields } from "../../src/config/store-settings.ts";
import { loadConfig, printConfig, routesOf } from "../../src/config.ts";
import { faultsOf } from "./faults.ts";

const root = mkdtempSync(join(tmpdir(), "veil-stores-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** A working folder whose data folder has this veil.yaml. */
function folder(yaml: string): string {
  const cwd = mkdtempSync(join(root, "cwd-"));
  mkdirSync(join(cwd, "veil-data"));
  writeFileSync(join(cwd, "veil-data", "veil.yaml"), yaml);
  return cwd;
}

const faults = (yaml: string, env: Readonly<Record<string, string>> = {}) => faultsOf({ cwd: folder(yaml), env });

const raw = `stores:
  raw:
    kind: s3
    endpoint: http://127.0.0.1:9000
    bucket: raw-images
    accessKey: reader
    secretKey: env:RAW_SECRET
  done:
    kind: s3
    endpoint: http://127.0.0.1:9000
    bucket: anonymized-images
    accessKey: writer
    secretKey: file:secret.txt
`;

describe("stores in the configuration", () => {
  test("are named by routes, with or without a path below them", () => {
    const cwd = folder(`${raw}routes:
  wards:
    from: store:raw/incoming/
    to: store:done
  desk:
    from: ../../desk
    to: store:raw/desk
`);
    writeFileSync(join(cwd, "veil-data", "secret.txt"), "of the file\n");
    const config = loadConfig({ flags: {}, env: { RAW_SECRET: "of the environment" }, cwd });
    const routes = routesOf(config);
    assert.equal(routes.get("wards")?.from, "store:raw/incoming");
    assert.equal(routes.get("wards")?.to, "store:done");
    assert.equal(routes.get("desk")?.from, join(cwd, "../desk"));
    const { raw: first, done } = config.stores!;
    assert.equal(first?.kind === "s3" && first.secretKey, "of the environment");
    assert.equal(done?.kind === "s3" && done.secretKey, "of the file");
    const printed = printConfig(config);
    assert.ok(!printed.includes("of the"), "a secret was printed");
    assert.match(printed, /secretKey: \(not shown\)/);
    assert.match(printed, /bucket: anonymized-images/);
  });

  test("say what is wrong with them, where, and never a secret", () => {
    const said = faults(
      `stores:
  Bad:
    kind: s3
    bucket: b-1
  two:
    kind: s4
  three:
    kind: s3
    buckett: photos
    secretKey: env:NOT_THERE
  four:
    kind: s3
    bucket: photos
    secretKey: [hidden-value]
    endpoint: ftp://x
routes:
  a:
    from: store:thre
    to: store:four/../x
`,
    );
    const expected = [
      /^stores\.Bad \(veil\.yaml:2\): expected a name of at most 40/,
      /^stores\.two \(veil\.yaml:5\): expected a kind of store \(s3.*\) but received "s4"/,
      /^stores\.three\.buckett \(veil\.yaml:9\): there is no such setting of s3; did you mean bucket\?/,
      /^stores\.three\.bucket \(veil\.yaml:7\): expected a bucket's name but received nothing/,
      /^stores\.three\.secretKey \(veil\.yaml:10\): there is no variable NOT_THERE/,
      /^stores\.four\.secretKey \(veil\.yaml:14\): expected text but received something else, which is not shown/,
      /^stores\.four\.endpoint .*expected an address/,
      /^routes\.a\.from \(veil\.yaml:18\): there is no store thre; did you mean three\?/,
      /^routes\.a\.to \(veil\.yaml:19\): expected store:NAME or store:NAME\/PATH/,
    ];
    for (const pattern of expected)
      assert.ok(
        said.some((line) => pattern.test(line)),
        `${pattern}\n${said.join("\n")}`,
      );
    assert.equal(said.length, expected.length, said.join("\n"));
    assert.ok(!said.join().includes("hidden-value"));
  });

  test("take account names from elsewhere too, and tell no password of an address", () => {
    const yaml = `stores:
  raw: {kind: s3, bucket: photos, accessKey: env:KEY, secretKey: env:SECRET}
routes:
  a: {from: store:raw/in, to: store:raw/out}
`;
    const { stores } = loadConfig({ flags: {}, env: { KEY: "veil", SECRET: "x" }, cwd: folder(yaml) });
    assert.ok(stores?.raw?.kind === "s3" && stores.raw.accessKey === "veil");
    const odd = faults(`stores:
  half: {kind: s3, bucket: photos, accessKey: veil}
  dav: {kind: webdav, url: "https://veil:hidden@h/x/"}
  bucket: {kind: s3, bucket: photos, endpoint: "https://veil:hidden@h"}
  percent: {kind: webdav, url: "https://h/%ff/"}
  nobody: {kind: sftp, host: h, username: u, hostKey: "SHA256:${"A".repeat(43)}"}
`);
    assert.match(odd.join("\n"), /^stores\.half\.secretKey .*: expected accessKey and secretKey, or neither$/m);
    assert.match(odd.join("\n"), /^stores\.percent\.url .*: expected an http or https address/m);
    assert.match(odd.join("\n"), /^stores\.nobody\.password .*: expected password or privateKey$/m);
    assert.equal(odd.length, 5, odd.join("\n"));
    assert.ok(!odd.join().includes("hidden"), odd.join("\n"));
  });

  test("of one file server say their folders in one way", () => {
    const two = (kind: string, one: string, other: string) => `stores:
  a: {kind: ${kind}, host: Files.example.org, ${one}}
  b: {kind: ${kind}, host: files.example.org, ${other}}
`;
    const key = "hostKey: SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const login = `username: v, password: secret, ${key}`;
    const said = faults(two("sftp", `${login}, root: /masked`, login));
    assert.match(said[0] ?? "", /^stores\.a\.root .* and stores\.b\.root .*: expected both with a leading slash/);
    assert.equal(said.length, 1);
    for (const roots of ["root: /a", "root: a"]) {
      loadConfig({ flags: {}, env: {}, cwd: folder(two("sftp", `${login}, ${roots}`, `${login}, ${roots}`)) });
    }
    loadConfig({ flags: {}, env: {}, cwd: folder(two("sftp", `${login}, root: /a`, `${login}, port: 2222`)) });
  });

  test("may not feed on what veil writes, whatever they are called", () => {
    const twice = (from: string, to: string, second = "other") => `stores:
  raw: {kind: s3, endpoint: "http://h:1", bucket: photos}
  ${second}: {kind: s3, endpoint: "http://h:1", bucket: photos, prefix: masked/}
routes:
  a: {from: "${from}", to: "${to}"}
`;
    for (const [from, to] of [
      ["store:raw", "store:raw/masked"],
      ["store:raw", "store:other"],
      ["store:raw/masked", "store:other/deep"],
      ["store:other", "store:raw"],
    ] as const) {
      assert.match(faults(twice(from, to)).join("\n"), /two separate places in the store/, `${from} → ${to}`);
    }
    const host = (one: string, other: string) => `stores:
  one: {kind: s3, endpoint: "${one}", bucket: photos}
  other: {kind: s3, endpoint: "${other}", bucket: photos}
  file: {kind: ftp, host: ${new URL(one).hostname.toUpperCase()}, username: u, password: p, root: /x}
  again: {kind: ftp, host: ${new URL(one).hostname}, username: u, password: p, root: /x/}
routes:
  a: {from: "store:one", to: "store:other/masked"}
  b: {from: "store:file", to: "store:again/masked"}
`;
    assert.equal(faults(host("http://h.example", "https://H.example/")).length, 2);
    loadConfig({ flags: {}, env: {}, cwd: folder(twice("store:raw/new", "store:other")) });
    loadConfig({ flags: {}, env: {}, cwd: folder(twice("store:raw/mask", "store:other")) });
  });
});

const docs = new URL("../../docs/", import.meta.url);
const pages = readdirSync(new URL("storage/", docs)).map((name) => `storage/${name}`);

describe("the pages about stores", () => {
  for (const [kind, fields] of Object.entries(storeFields)) {
    test(`${kind}.md has a row for every setting`, () => {
      const text = readFileSync(new URL(`storage/${kind}.md`, docs), "utf8");
      for (const { key, shown, description, expected } of fields)
        assert.ok(text.includes(`| \`${key}\` | ${shown} | ${description} Expects ${expected}. |\n`), key);
    });
  }

  test("show configurations that are accepted", () => {
    let count = 0;
    for (const page of ["stores.md", "events.md", ...pages]) {
      const text = readFileSync(new URL(page, docs), "utf8");
      for (const [, yaml = ""] of text.matchAll(/```yaml\n([\s\S]*?)```/g)) {
        const env = Object.fromEntries(Array.from(yaml.matchAll(/env:(\w+)/g), ([, name]) => [name!, "secret"]));
        assert.doesNotThrow(() => loadConfig({ flags: {}, env, cwd: folder(yaml) }), page);
        count += 1;
      }
    }
    assert.ok(count >= pages.length + 4);
  });
});
