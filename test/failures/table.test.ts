import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { namedTests } from "../../scripts/failures-table.mjs";

const root = new URL("../../", import.meta.url);
const named = namedTests(await readFile(new URL("docs/failures.md", root), "utf8"));

test("each row of docs/failures.md names a test", async () => {
  const page = await readFile(new URL("docs/failures.md", root), "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| ") && !/^\| (failure|---) /.test(line));
  for (const row of rows) assert.ok(namedTests(row).length > 0, row);
  assert.ok(rows.length >= 80, `only ${rows.length} rows`);
});

test("each test that docs/failures.md names is there", async () => {
  for (const { file, name } of named) {
    const source = await readFile(new URL(file, root), "utf8");
    const names = Array.from(source.matchAll(/\btest\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)/g), ([, plain, pattern]) =>
      plain === undefined ? patternOf(pattern!) : new RegExp(`^${RegExp.escape(JSON.parse(`"${plain}"`))}$`),
    );
    assert.ok(
      names.some((one) => one.test(name)),
      `${file} has no test "${name}"`,
    );
  }
});

/** A name with places to be filled in. */
function patternOf(template: string): RegExp {
  return new RegExp(
    `^${template
      .split(/\$\{[^}]*\}/)
      .map(RegExp.escape)
      .join(".+")}$`,
  );
}
