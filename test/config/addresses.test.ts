import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createRedaction } from "../../src/cli/support-redact.ts";
import { configFields, fieldByPath } from "../../src/config/fields.ts";
import { readStores } from "../../src/config/read-stores.ts";
import { type StoreKind, storeFields } from "../../src/config/store-settings.ts";
import { loadConfig, printConfig } from "../../src/config.ts";
import { Problem } from "../../src/errors.ts";

const cwd = mkdtempSync(join(tmpdir(), "veil-config-"));
after(() => rm(cwd, { recursive: true }));

/** All that an address may need beside it. */
const companions = {
  "auth.jwt.issuer": "me",
  "auth.jwt.jwksUrl": "https://keys.example",
  "auth.oidc.issuer": "https://id.example",
  "auth.oidc.clientId": "veil",
  "auth.oidc.clientSecret": "a secret",
  "http.publicUrl": "https://veil.example",
  "alerts.mail.from": "veil@example.org",
  "alerts.mail.to": "it@example.org",
  "alerts.mail.host": "mail.example",
};
/** As people write what does not belong into an address. */
const odd = [
  "https://veil:hidden@h.example",
  "https://hidden@h.example",
  "https://veil:hid/hidden@h.example",
  "https://h.example?token=hidden",
  "https://h.example/#hidden",
  "veil:hidden@h.example",
  "smtp://veil:hidden@h.example",
];

/** What is told of a configuration with this setting, by all that shows one: its faults, or itself. */
function told(path: string, value: string): { readonly faults?: string; readonly shown: string } {
  const set = Object.entries({ ...companions, [path]: value }).map(([name, text]) => `${name}=${text}`);
  try {
    const config = loadConfig({ flags: { set }, env: {}, cwd });
    const redaction = createRedaction(config, true);
    return { shown: printConfig(config) + redaction.settings(config) + redaction.words(`asked ${value}`) };
  } catch (error) {
    assert.ok(error instanceof Problem, String(error));
    return { faults: error.message, shown: error.message };
  }
}

const takes = (path: string, value: string) => told(path, value).faults === undefined;

describe("addresses among the settings", () => {
  test("hold no password, and show no token", () => {
    // What takes an address and not just any words.
    const addresses = configFields
      .filter(({ type, isPath }) => type === "string" && !isPath)
      .map(({ path }) => path)
      .filter((path) => takes(path, "https://h.example") && !takes(path, "any words"));
    for (const known of [
      "tracing.url",
      "auth.jwt.jwksUrl",
      "auth.oidc.issuer",
      "http.publicUrl",
      "events.sqs.endpoint",
    ])
      assert.ok(addresses.includes(known), known);
    for (const path of [...addresses, "auth.jwt.issuer", "alerts.mail.host"]) {
      for (const value of odd.filter((one) => path !== "auth.jwt.issuer" || /\/\/.*@/.test(one))) {
        const { shown, faults } = told(path, value);
        assert.ok(!shown.includes("hidden"), `${path} ${value}\n${shown}`);
        // In secrets they do no harm; a collector of traces takes none all the same.
        const isFree = fieldByPath.get(path)?.isSecret && path !== "tracing.url";
        if (/^https?:.*@/.test(value) && !isFree)
          assert.match(faults ?? "", new RegExp(`${path} \\(--set\\): `), value);
      }
    }
    assert.match(told("auth.jwt.jwksUrl", "https://h.example/keys?p=hidden").shown, /h\.example\/keys\?\(not shown\)/);
  });

  test("of stores neither", () => {
    const minimal: Readonly<Record<StoreKind, object>> = {
      s3: { bucket: "photos" },
      swift: { authUrl: "https://h.example", auth: "v1", username: "u", key: "k", container: "photos" },
      azure: { account: "account", container: "photos", accountKey: "k" },
      sftp: { host: "h", username: "u", password: "p", hostKey: `SHA256:${"A".repeat(43)}` },
      ftp: { host: "h", username: "u", password: "p" },
      webdav: { url: "https://h.example/x/" },
    };
    const read = (kind: string, more: object) =>
      readStores(
        {
          value: { it: { kind, ...minimal[kind as StoreKind], ...more } },
          base: cwd,
          originOf: () => "veil.yaml:1",
        },
        {},
      );
    for (const kind of Object.keys(minimal)) assert.deepEqual(read(kind, {}).faults, []);
    const tried: string[] = [];
    for (const [kind, fields] of Object.entries(storeFields)) {
      for (const { key, isSecret, type } of fields) {
        if (isSecret || type !== "string" || !/^(endpoint|url|authUrl|host)$/.test(key)) continue;
        tried.push(`${kind}.${key}`);
        for (const value of odd) {
          const { stores, faults } = read(kind, { [key]: value });
          assert.ok(!JSON.stringify([stores, faults]).includes("hidden"), `${kind}.${key} ${value}: ${faults}`);
          assert.match(faults.join("\n"), new RegExp(`^stores\\.it\\.${key} `, "m"), value);
        }
      }
    }
    assert.deepEqual(tried.toSorted(), [
      "azure.endpoint",
      "ftp.host",
      "s3.endpoint",
      "sftp.host",
      "swift.authUrl",
      "webdav.url",
    ]);
    assert.deepEqual(read("webdav", { url: "https://h.example/files/me@example.org/" }).faults, []);
  });
});
