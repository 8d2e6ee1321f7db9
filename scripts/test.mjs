import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { prepare, root } from "./bootstrap.mjs";
import { namedTests, unproven } from "./failures-table.mjs";
import { canBuildImages, ensurePackages } from "./packages.mjs";
import { buildPage, isPageBuilt } from "./page.mjs";
import { BootstrapError, runMain, step } from "./report.mjs";
import { run } from "./run.mjs";

// npm test                 format, lint, types, page, tests
// npm test -- mask e2e     only the test files whose path contains `mask` or `e2e`
// npm run test:long        the long tests too
// npm run check            only format, lint and types
const args = process.argv.slice(2);
const filters = args.filter((arg) => !arg.startsWith("--"));
const onlyCheck = args.includes("--check");
const long = args.includes("--long");
/** What these pages say of bad days and of attackers has to be tested in a whole run. */
const proven = ["docs/failures.md", "docs/threats.md"];
const imageTest = "test/long/image.test.ts";

await runMain(async () => {
  const start = performance.now();
  const node = await prepare({ dev: true });
  /** @type {string[]} */
  const failed = [];
  const part = async (/** @type {string} */ name, /** @type {() => Promise<void>} */ action) => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof BootstrapError)) throw error;
      process.stderr.write(`${error.message}\n`);
      failed.push(name);
    }
  };

  if (filters.length === 0) {
    await part("format and lint", () =>
      step("Format and lint", () => tool(node, "@biomejs/biome/bin/biome", "ci", "--colors=off", ".")),
    );
    await part("types", () =>
      step("Types", async () => {
        const projects = ["tsconfig.json", "web/tsconfig.json"];
        await Promise.all(projects.map((project) => tool(node, "typescript/bin/tsc", "-p", project)));
      }),
    );
  }
  if (!onlyCheck) {
    await ensurePackages({ long });
    if (!isPageBuilt(root)) await part("page", () => buildPage(root, { node }));
    if (testFiles().includes(imageTest) && canBuildImages()) await part("image", () => buildImage(node));
    await part("tests", () => test(node));
  }

  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  process.stderr.write(
    failed.length > 0 ? `Failed: ${failed.join(", ")} (${seconds} s)\n` : `All well (${seconds} s)\n`,
  );
  if (failed.length > 0) process.exitCode = 1;
});

/** Tests have no network: what the image is made of is fetched before. @param {string} node */
async function buildImage(node) {
  const place = ["--debootstrap", "trixie", "--root", join(root, ".cache", "image"), "--tag", "localhost/veil-test"];
  await step("Building the container image", async () => {
    const { code, output } = await run(node, [join(root, "scripts", "build-image.mjs"), ...place], { cwd: root });
    if (code !== 0) throw new BootstrapError(output.trim());
  });
  process.env.TEST_IMAGE = "localhost/veil-test";
}

/** @param {string} node @param {string[]} command */
async function tool(node, ...command) {
  const [program = "", ...rest] = command;
  const { code, output } = await run(node, [join(root, "node_modules", program), ...rest], { cwd: root });
  if (code !== 0) throw new BootstrapError(output.trim());
}

/** @param {string} node */
async function test(node) {
  const files = testFiles();
  if (files.length === 0) throw new BootstrapError(`No test file's path contains ${filters.join(" or ")}`);
  process.stderr.write(`Tests: ${files.length} files\n`);
  const limit = long ? 3_600_000 : 240_000;
  const flags = [
    "--disable-warning=ExperimentalWarning",
    "--test",
    "--test-concurrency=2",
    `--test-timeout=${limit}`,
    `--test-reporter=${join(root, "test", "reporter.ts")}`,
    `--import=${pathToFileURL(join(root, "test", "leak-guard.ts"))}`,
  ];
  // What a test starts as `node` is the right one.
  const results = join(root, ".cache", "test-results.json");
  mkdirSync(dirname(results), { recursive: true });
  const path = `${dirname(node)}${delimiter}${process.env.PATH ?? ""}`;
  const env = { ...process.env, PATH: path, TEST_RESULTS_FILE: results };
  const alone = aloneHere(node);
  if (typeof alone === "string") process.stderr.write(`Not cut off from the network: ${alone}\n`);
  const [program = "", ...before] =
    typeof alone === "string" ? [node] : [...alone, node, join(root, "scripts", "alone.mjs"), node];
  const child = spawn(program, [...before, ...flags, ...files], { cwd: root, env, stdio: "inherit" });
  const code = await new Promise((done, fail) => {
    child.on("error", fail);
    child.on("exit", done);
  });
  if (code !== 0) throw new BootstrapError("Some tests failed.");
  if (filters.length === 0) requireProven(readFileSync(results, "utf8"));
}

/**
 * A command that gives another one a network of its own, with loopback alone, or why there can't be one: then nothing
 * shows that veil asks nobody.
 */
function aloneHere(/** @type {string} */ node) {
  if (process.platform !== "linux") return "only Linux can";
  // In a user namespace tests would have rights that the user has not.
  if (process.getuid?.() !== 0) return "only root can";
  const alone = ["unshare", "--net", "--mount"];
  const [program = "", ...rest] = [...alone, node, join(root, "scripts", "alone.mjs"), "true"];
  const probe = spawnSync(program, rest, { encoding: "utf8" });
  if (probe.status === 0) return alone;
  return (probe.error?.message ?? probe.stderr).trim().split("\n").at(-1) ?? "it can't be had here";
}

/** Their named tests have passed, or the reason is said. */
function requireProven(/** @type {string} */ results) {
  for (const page of proven) {
    const named = namedTests(readFileSync(join(root, page), "utf8"));
    const { missing, notRun } = unproven(named, JSON.parse(results));
    for (const one of notRun) process.stderr.write(`${page} names what was not run: ${one}\n`);
    if (missing.length > 0) throw new BootstrapError(`${page} names tests that did not pass:\n${missing.join("\n")}`);
  }
}

function testFiles() {
  const all = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .map((path) => `test/${path.replaceAll(sep, "/")}`)
    .filter((path) => path.endsWith(".test.ts"))
    .sort();
  if (filters.length > 0) return all.filter((path) => filters.some((filter) => path.includes(filter)));
  return all.filter((path) => long || !path.startsWith("test/long/"));
}
