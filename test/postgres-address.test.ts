import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadConfig } from "../src/config.ts";
import { Problem } from "../src/errors.ts";
import { openPostgres } from "../src/postgres.ts";
import { readPostgresAddress } from "../src/postgres-address.ts";

describe("ledger.url", () => {
  test("is read with every sign that it may hold", () => {
    const cases: readonly (readonly [string, object])[] = [
      [
        "postgres://veil:p%40s%25s%2F@db.example.org/ledger?sslmode=require",
        { host: "db.example.org", port: 5432, user: "veil", password: "p@s%s/", database: "ledger", isEncrypted: true },
      ],
      [
        "postgresql://veil@[::1]:5433",
        { host: "::1", port: 5433, database: "veil", isEncrypted: false, isOpen: false },
      ],
      ["postgres://veil@localhost/a?host=/var/run/postgresql", { host: "/var/run/postgresql", isOpen: false }],
      ["postgres://veil@%2Fvar%2Frun/a", { host: "/var/run", isOpen: false }],
      ["postgres://veil:p@127.0.0.1/a", { isOpen: false }],
      ["postgres://veil:p@db/a", { isEncrypted: false, isOpen: true }],
      ["postgres://veil:p@db/a?sslmode=disable", { isEncrypted: false, isOpen: false }],
      ["postgres://veil:p@db/a?sslmode=verify-full", { isEncrypted: true, isOpen: false }],
    ];
    for (const [text, expected] of cases) assert.partialDeepStrictEqual(readPostgresAddress(text), expected, text);
  });

  test("that can't be read is a fault of the configuration, which names the setting and shows no secret", async () => {
    const cases = [
      ["postgres://veil:s3c%ret@db/a", /written as %25/],
      ["postgres://veil:s3c%ffret@db/a", /written as %25/],
      ["postgres://veil:s3c/ret@db/a", /written as %25/],
      ["postgres://veil:9911/ret@db/a", /written as %25/],
      ["postgres://veil:s3c?ret@db/a", /written as %25/],
      ["postgres://veil:9911?ret=1@db/a", /written as %25/],
      ["postgres://veil:s3c#ret@db/a", /written as %25/],
      ["postgres://veil:s3cret@one:5432,two:5432/a", /several hosts/],
      ["postgres://veil:s3cret@one,two/a", /several hosts/],
      ["postgres:///a", /no host/],
      ["mysql://veil:s3cret@db/a", /postgres:\/\//],
      ["postgres://veil:s3cret@db/a?sslmode=prefer", /sslmode is none of/],
      ["postgres://veil:s3cret@db/a?target_session_attrs=any", /parameter target_session_attrs is unknown/],
    ] as const;
    for (const [url, why] of cases) {
      const set = ["ledger.driver=postgres", `ledger.url=${url}`];
      const isFault = (setting: RegExp) => (error: unknown) => {
        assert.ok(error instanceof Problem, `${url}: ${error}`);
        assert.equal(error.code, "invalid-config");
        for (const part of [setting, why]) assert.match(error.message, part);
        assert.doesNotMatch(`${error.message} ${error.stack}`, /s3c|\bret\b|9911/, url);
        return true;
      };
      assert.throws(
        () => loadConfig({ flags: { set }, env: {}, cwd: "/" }),
        isFault(/^ {2}ledger\.url \(--set\): expected/m),
      );
      await assert.rejects(openPostgres({ url }), isFault(/ledger\.url/));
    }
  });
});
