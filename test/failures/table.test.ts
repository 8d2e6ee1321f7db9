import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { namedTests } from "../../scripts/failures-table.mjs";

const root = new URL("../../", import.meta.url);
const pages = { "docs/failures.md": 80, "docs/threats.md": 20 };

for (const [page, least] of Object.entries(pages)) {
  test(`each row of ${page} names a test`, async () => {
    const text = await readFile(new URL(page, root), "utf8");
    const rows = text.split("\n").filter((line) => line.startsWith("| ") && !/^\| (failure|threat|---) /.test(line));
    for (const row of rows) assert.ok(namedTests(row).length > 0, row);
    assert.ok(rows.length >= least, `only ${rows.length} rows`);
  });

  test(`each test that ${page} names is there`, async () => {
    for (const { file, name } of namedTests(await readFile(new URL(page, root), "utf8"))) await requireTest(file, name);
  });
}

async function requireTest(file: string, name: string): Promise<void> {
  const source = await readFile(new URL(file, root), "utf8");
  const names = Array.from(source.matchAll(/\btest\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)/g), ([, plain, pattern]) =>
    plain === undefined ? patternOf(pattern!) : new RegExp(`^${RegExp.escape(JSON.parse(`"${plain}"`))}$`),
  );
  assert.ok(
    names.some((one) => one.test(name)),
    `${file} has no test "${name}"`,
  );
}

/** A name with places to be filled in. */
function patternOf(template: string): RegExp {
  return new RegExp(
    `^${template
      .split(/\$\{[^}]*\}/)
      .map(RegExp.escape)
      .join(".+")}$`,
  );
}
