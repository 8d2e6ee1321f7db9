import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { namedTests, unproven } from "../../scripts/failures-table.mjs";

const work = mkdtempSync(join(tmpdir(), "veil-reporter-"));
after(() => rmSync(work, { recursive: true, force: true }));
const beside = (name: string) => new URL(`../${name}`, import.meta.url);

/** Runs test files of these contents as `npm test` runs its own. */
async function run(files: Record<string, string>, results?: string): Promise<{ code: number; output: string }> {
  const folder = mkdtempSync(join(work, "run-"));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, `${name}.test.ts`), `import { describe, test } from "node:test";\n${text}\n`);
  }
  const flags = ["--test", `--test-reporter=${beside("reporter.ts").pathname}`, `--import=${beside("leak-guard.ts")}`];
  const child = spawn(process.execPath, [...flags, ...Object.keys(files).map((name) => `${name}.test.ts`)], {
    cwd: folder,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, TEST_RESULTS_FILE: results },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk;
    });
  }
  const [code] = await once(child, "close");
  return { code, output };
}

describe("a run of tests", { concurrency: true }, () => {
  test("passes with one line a file and node's counts at the end", async () => {
    const { code, output } = await run({
      a: 'test("one", () => {});',
      b: 'describe("s", () => { test("two", () => {}); });',
    });
    assert.equal(code, 0);
    assert.match(output, /^✔ a\.test\.ts {2}1 passed {2}[\d.]+ s$/m);
    assert.match(output, /^ℹ tests 2$/m);
    assert.match(output, /^ℹ pass 2$/m);
    assert.match(output, /^ℹ fail 0$/m);
  });

  test("names at its end what was not run, and why", async () => {
    const { code, output } = await run({
      a: 'test("one", () => {}); test("two", { skip: "not run: no browser" }, () => {}); test("three", (t) => t.skip("not run: no browser"));',
    });
    assert.equal(code, 0);
    assert.match(output, /^not run: no browser \(2 tests\)$/m);
    assert.match(output, /1 passed, 2 not run/);
  });

  for (const [what, text] of [
    ["a skip without a reason", 'test("x", { skip: true }, () => {});'],
    ["a skip with another reason", 'test("x", (t) => t.skip("flaky"));'],
    ["a todo", 'test("x", { todo: true }, () => {});'],
  ] as const) {
    test(`fails for ${what}`, async () => {
      const { code, output } = await run({ a: `test("one", () => {});\n${text}` });
      assert.equal(code, 1);
      assert.match(output, /✖ x\n {2}a\.test\.ts:3\n {2}Skipped without a reason/);
    });
  }

  test("fails with the place and the whole error, once", async () => {
    const { code, output } = await run({
      a: 'describe("outer", () => { test("inner", () => { throw new Error("broken " + "thing"); }); });',
    });
    assert.equal(code, 1);
    assert.match(output, /✖ outer > inner\n {2}a\.test\.ts:2\n {2}Error: broken thing\n/);
    assert.equal(output.match(/broken thing/g)?.length, 1);
    assert.match(output, /^ℹ fail 1$/m);
  });

  test("fails for a file that ends early, and for one that can't be read", async () => {
    const { code, output } = await run({
      a: 'test("x", () => {});\nsetImmediate(() => process.exit(3));\ntest("y", () => new Promise(() => {}));',
      b: "const = 1;",
    });
    assert.equal(code, 1);
    assert.match(output, /a\.test\.ts:1\n {2}The file's process ended with code 3/);
    assert.match(output, /SyntaxError/);
  });

  test("writes down what passed and what was not run, so that a page's tests can be looked for", async () => {
    const path = join(work, "results.json");
    const text = `
      describe("s", () => { test("one", () => {}); test("two", { skip: "not run: no disk" }, () => {}); });
      describe("t", { skip: "not run: no server" }, () => { test("three", () => {}); });
      test("four", () => { throw new Error("broken"); });`;
    await run({ a: text, b: 'test("one", () => {});' }, path);
    const results = JSON.parse(readFileSync(path, "utf8"));
    const cell = (name: string, file = "a") => `| x | [${file}](../test/${file}.test.ts): ${name} |`;
    const saidOf = (page: string) => {
      const named = namedTests(page).map(({ file, name }) => ({ file: file.replace("test/", ""), name }));
      return unproven(named, results);
    };
    assert.deepEqual(saidOf(cell("one")), { missing: [], notRun: [] });
    assert.deepEqual(saidOf(cell("two")).notRun, ["a.test.ts: two (not run: no disk)"]);
    assert.deepEqual(saidOf(cell("two", "b")).missing, ["b.test.ts: two"]);
    // Nobody knows what is in a suite that is not run.
    assert.equal(saidOf(cell("three")).missing.length, 0);
    assert.equal(saidOf(cell("one").replace(" |", "<br>[b](../test/b.test.ts): five |")).missing.length, 1);
  });

  test("fails when there is no test at all", async () => {
    const { code, output } = await run({ a: "" });
    assert.equal(code, 1, output);
  });

  test("fails for a file that leaves something open, and names it", async () => {
    const { code, output } = await run({ a: 'test("x", () => { setInterval(() => {}, 1000); });' });
    assert.equal(code, 1);
    assert.match(output, /leaked: .*Timeout.* still open after the last test/);
  });
});
