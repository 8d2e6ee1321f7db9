import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isInstalled } from "../../scripts/install.mjs";
import { withLock } from "../../scripts/lock.mjs";
import { findNode, isRightNode } from "../../scripts/node.mjs";
import { buildPage, isPageBuilt } from "../../scripts/page.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const work = mkdtempSync(join(tmpdir(), "veil-scripts-"));
after(() => rmSync(work, { recursive: true, force: true }));

/** Prints what it was given, then does what its first argument says. */
const standIn = `
const [verb, value]: string[] = process.argv.slice(2);
if (verb === "exit") process.exitCode = Number(value);
if (verb === "serve") {
  const timer = setInterval(() => {}, 1000);
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      console.log("asked to stop by", signal);
      setTimeout(() => { clearInterval(timer); process.exit(5); }, 300);
    });
  }
}
console.log(JSON.stringify(process.argv.slice(2)), process.cwd());
if (verb === "die") process.kill(process.pid, "SIGKILL");
`;

/** A clone as git gives it, with this one's packages unless it is to be bare, and a stand-in for the program. */
function clone({ bare = false } = {}): string {
  const folder = mkdtempSync(join(work, "clone-"));
  for (const name of ["scripts", "bin", "package.json", "package-lock.json", ".npmrc"]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  if (!bare) symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "src"));
  writeFileSync(join(folder, "src", "main.ts"), standIn);
  mkdirSync(join(folder, "web"));
  writeFileSync(join(folder, "web", "index.html"), "<!doctype html><title>veil</title>\n");
  return folder;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly output: string }>;
  /** Resolves once the output holds the text. */
  says(text: string): Promise<void>;
}

function start(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk;
    });
  }
  return {
    child,
    ended: once(child, "close").then(([code, signal]) => ({ code, signal, output })),
    says: async (text) => {
      while (!output.includes(text)) await once(child.stdout, "data");
    },
  };
}

describe("handing over to the program", { concurrency: true }, () => {
  test("arguments, working folder and exit code are kept, and nothing is installed where nothing is missing", async () => {
    const folder = clone();
    const { code, output } = await start(folder, ["bin/veil.mjs", "exit", "7", "--json", "a b"]).ended;
    assert.equal(output, `["exit","7","--json","a b"] ${folder}\n`);
    assert.equal(code, 7);
  });

  test("a program that was killed ends its starter in the same way", async () => {
    const { signal } = await start(clone(), ["bin/veil.mjs", "die"]).ended;
    assert.equal(signal, "SIGKILL");
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} is passed on once, and the clean stop is waited for`, async () => {
      const running = start(clone(), ["bin/veil.mjs", "serve"]);
      await running.says('["serve"]');
      running.child.kill(signal);
      running.child.kill(signal);
      const { code, output } = await running.ended;
      assert.equal(output.match(/asked to stop/g)?.length, 1);
      assert.match(output, new RegExp(`asked to stop by ${signal}`));
      assert.equal(code, 5);
    });
  }

  test("start builds the page first, and only when it has changed", async () => {
    const folder = clone();
    for (const builds of [true, false]) {
      const running = start(folder, ["scripts/start.mjs", "--port", "0"]);
      await running.says('["serve","--set-up","--port","0"]');
      running.child.kill("SIGTERM");
      const { output } = await running.ended;
      assert.equal(/Building the page … [\d.]+ s/.test(output), builds);
    }
    assert.ok(existsSync(join(folder, "web", "dist", "index.html")));
  });

  test("without a registry the failure says so and what to do, and leaves nothing half-done", async () => {
    const folder = clone({ bare: true });
    const nowhere = { npm_config_registry: "http://127.0.0.1:9", npm_config_cache: join(folder, "cache") };
    const { code, output } = await start(folder, ["bin/veil.mjs", "exit", "0"], nowhere).ended;
    assert.equal(code, 1);
    assert.match(output, /registry can't be reached \(ECONNREFUSED\)\. .*run the same command again/);
    assert.equal(isInstalled(folder, { dev: false }), false);
    assert.deepEqual(readdirSync(join(folder, ".cache")), []);
  });
});

describe("the right Node", () => {
  test("is one that strips types as a stable feature", () => {
    for (const version of ["24.12.0", "24.21.0", "25.2.0", "26.0.0", "30.1.0"])
      assert.ok(isRightNode(version), version);
    for (const version of ["18.20.0", "20.20.2", "22.18.0", "24.11.1", "25.1.0"])
      assert.ok(!isRightNode(version), version);
  });

  test("is the running one where it will do, whatever lies in .runtime", () => {
    assert.equal(findNode(clone(), "24.12.0"), process.execPath);
  });

  test("is otherwise the one in .runtime, in its exact version alone", () => {
    const folder = clone();
    assert.equal(findNode(folder, "20.20.2"), undefined);
    if (process.platform !== "linux") return;
    const installed = join(folder, ".runtime", "node_modules", `node-linux-${process.arch}`);
    mkdirSync(join(installed, "bin"), { recursive: true });
    writeFileSync(join(installed, "bin", "node"), "");
    writeFileSync(join(installed, "package.json"), '{"version":"24.0.0"}');
    assert.equal(findNode(folder, "20.20.2"), undefined);
    writeFileSync(join(installed, "package.json"), '{"version":"24.21.0"}');
    assert.equal(findNode(folder, "20.20.2"), join(installed, "bin", "node"));
  });
});

describe("what is installed", () => {
  const lock = {
    "": { version: "0.1.0" },
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/tool": { version: "2.0.0", integrity: "sha512-t", dev: true },
    "node_modules/mac-only": { version: "3.0.0", integrity: "sha512-m", optional: true },
  };
  const folderWith = (present: object | undefined) => {
    const folder = mkdtempSync(join(work, "install-"));
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages: lock }));
    mkdirSync(join(folder, "node_modules"));
    const note = join(folder, "node_modules", ".package-lock.json");
    if (present) writeFileSync(note, JSON.stringify({ packages: present }));
    return folder;
  };
  const { "node_modules/a": a, "node_modules/tool": tool } = lock;

  test("a full install satisfies both uses, one for use alone not development", () => {
    const full = folderWith({ "node_modules/a": a, "node_modules/tool": tool });
    assert.deepEqual([isInstalled(full, { dev: true }), isInstalled(full, { dev: false })], [true, true]);
    const lean = folderWith({ "node_modules/a": a });
    assert.deepEqual([isInstalled(lean, { dev: true }), isInstalled(lean, { dev: false })], [false, true]);
  });

  test("another version, other content or an interrupted install does not count", () => {
    for (const present of [
      undefined,
      {},
      { "node_modules/a": { ...a, version: "1.0.1" } },
      { "node_modules/a": { ...a, integrity: "sha512-b" } },
    ]) {
      assert.equal(isInstalled(folderWith(present), { dev: false }), false, JSON.stringify(present));
    }
  });
});

test("the page counts as built until anything in web/ or the lock file changes", async (t) => {
  t.mock.method(process.stderr, "write", () => true);
  const folder = clone();
  const node = process.execPath;
  assert.equal(isPageBuilt(folder), false);
  await buildPage(folder, { node });
  assert.equal(isPageBuilt(folder), true);
  for (const file of ["web/index.html", "package-lock.json"]) {
    appendFileSync(join(folder, file), "\n");
    assert.equal(isPageBuilt(folder), false, file);
    await buildPage(folder, { node });
    assert.equal(isPageBuilt(folder), true, file);
  }
  writeFileSync(join(folder, "web", "new.ts"), "");
  assert.equal(isPageBuilt(folder), false);
});

describe("the lock", () => {
  test("lets one action in at a time", async (t) => {
    t.mock.method(process.stderr, "write", () => true);
    const file = join(work, "one.lock");
    let inside = 0;
    const action = async () => {
      assert.equal(++inside, 1);
      await new Promise((done) => setTimeout(done, 50));
      inside--;
    };
    await Promise.all([withLock(file, action), withLock(file, action), withLock(file, action)]);
    assert.equal(existsSync(file), false);
  });

  test("is broken when its owner is gone, and given back when the action fails", async (t) => {
    t.mock.method(process.stderr, "write", () => true);
    const file = join(work, "stale.lock");
    const { child, ended } = start(work, ["--version"]);
    await ended;
    writeFileSync(file, String(child.pid));
    assert.equal(await withLock(file, async () => "in"), "in");
    await assert.rejects(
      withLock(file, () => Promise.reject(new Error("no"))),
      /no/,
    );
    assert.equal(existsSync(file), false);
  });
});
