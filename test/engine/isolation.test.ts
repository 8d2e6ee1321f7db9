import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { watch } from "node:fs";
import { chmod, cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import type { Confinement, Isolation, IsolationChoice } from "../../src/core/isolation.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import { callFilter } from "../../src/engine/call-filter.ts";
import { createPool, type Pool } from "../../src/engine/pool.ts";
import { programPath } from "../../src/engine/program-path.ts";
import { Problem } from "../../src/errors.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { filesIn } from "../fixtures/files-in.ts";
import { bundled } from "./detectors.ts";
import { enginesOf } from "./processes.ts";
import { hasLandlock, mostFileBytes, runInside, without } from "./sandboxed.ts";

const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
const policy = { ...defaultPolicy, minScore: 0.8 };
const isRoot = process.geteuid?.() === 0;
const path = process.env.PATH;
const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());
afterEach(() => {
  process.env.PATH = path;
});

async function spoolIn(dataDir: string): Promise<string> {
  const spool = join(folder.path, dataDir, "spool");
  await mkdir(spool, { recursive: true, mode: 0o700 });
  return spool;
}

function poolIn(spool: string, isolation: IsolationChoice, processes = 1): Pool & AsyncDisposable {
  const limits = { maxBytes: 2 ** 26, maxPixels: 50e6, maxFrames: 20 };
  const pool = createPool({
    processes,
    deadlineMs: 60_000,
    memoryMb: 1536,
    spool,
    limits,
    detector: bundled,
    isolation,
  });
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.close() });
}

/** What the kernel says of a process. */
async function statusOf(pid: number): Promise<(name: string) => string> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return (name) => new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(status)![1]!;
}

for (const kind of ["bubblewrap", "setpriv"] as const) {
  describe(`an engine process under ${kind}`, { skip: without(kind) }, () => {
    test("masks as one without does, byte for byte, and is nobody's but its own", async () => {
      const digests = new Map<IsolationChoice, string>();
      for (const isolation of [kind, "none"] as const) {
        const spool = await spoolIn(`same-${kind}-${isolation}`);
        await using pool = poolIn(spool, isolation);
        await using picture = await pool.open(portrait);
        digests.set(isolation, (await picture.render(await picture.detect(policy), policy)).sha256);
        assert.equal((await pool.confinement()).kind, isolation);
        if (isolation === "none") continue;
        const [pid] = enginesOf(process.pid);
        const status = await statusOf(pid!);
        assert.equal(status("NoNewPrivs"), "1");
        for (const set of ["CapEff", "CapPrm", "CapInh", "CapAmb"]) assert.match(status(set), /^0+$/, set);
        const user = isRoot ? 65_533 : process.getuid!();
        assert.deepEqual(status("Uid").split(/\s+/).map(Number), [user, user, user, user]);
        if (isRoot) assert.equal(status("Groups").trim(), "");
        const allowed = await readFile(`/proc/${pid}/limits`, "utf8");
        assert.match(allowed, /^Max core file size\s+0\s+0\s/m);
        assert.match(allowed, /^Max file size\s+(\d{9,10})\s+\1\s/m);
      }
      assert.equal(digests.get(kind), digests.get("none"));
    });

    test("writes no file that is larger than any picture", async () => {
      const write = (bytes: number) =>
        runInside<string>(
          kind,
          folder.path,
          `
          try { require("node:fs").writeFileSync("out/large", Buffer.alloc(${bytes})); console.log('"written"'); }
          catch (error) { console.log(JSON.stringify(error.code)); }
        `,
        );
      await chmod(folder.path, 0o755);
      assert.deepEqual([await write(mostFileBytes), await write(mostFileBytes + 1)], ["written", "EFBIG"]);
    });

    test("decodes HEIC, whose decoder is a program of its own", { skip: withoutHeic() }, async () => {
      const heic = join(folder.path, `${kind}.heic`);
      spawnSync("heif-enc", ["-q", "90", "-o", heic, await jpegFile()]);
      const spool = await spoolIn(`heic-${kind}`);
      await using pool = poolIn(spool, kind);
      const seen = new Set<string>();
      const watcher = watch(spool, { recursive: true }, (_event, name) => seen.add(String(name)));
      await using picture = await pool.open(heic);
      await sleep(50);
      watcher.close();
      const intermediate = [...seen].filter((name) => /\/out\/(heic-|.*\.png)/.test(name));
      assert.equal(intermediate.length === 0, kind === "bubblewrap", `on the disk: ${intermediate}`);
      assert.deepEqual([picture.format, picture.width], ["heic", 512]);
      assert.equal((await picture.detect(policy)).length, 1);
      await picture.close();
      assert.deepEqual(await filesIn(spool), []);
    });
  });
}

/** What a program finds out from inside; each is an error's code, or what it got. */
interface Findings {
  readonly connect: string;
  readonly read: Readonly<Record<string, string>>;
  readonly write: Readonly<Record<string, string>>;
  readonly own: string;
  readonly signal: string;
  readonly processes: string;
}

async function tryEverything(kind: Isolation): Promise<Findings & { readonly received: number }> {
  const spool = await spoolIn(`inside-${kind}`);
  const dataDir = join(spool, "..");
  await mkdir(join(dataDir, "input_photos"));
  const secrets = ["veil.yaml", "installation.key", "input_photos/anna.jpg", "spool/of-another-client"];
  for (const name of secrets) await writeFile(join(dataDir, name), "s3cr3t", { mode: 0o600 });
  let received = 0;
  const server = createServer((socket) => {
    received++;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const code = `
    const fs = require("node:fs"), net = require("node:net");
    const plant = (file) => (fs.writeFileSync(file, "x"), fs.unlinkSync(file));
    const attempt = (action) => { try { return String(action()); } catch (error) { return error.code; } };
    const dataDir = ${JSON.stringify(dataDir)};
    const read = {}, write = {};
    for (const name of ${JSON.stringify(secrets)}) read[name] = attempt(() => fs.readFileSync(dataDir + "/" + name));
    for (const name of ["/etc/shadow", "/etc/passwd"]) read[name] = attempt(() => fs.readFileSync(name).length);
    for (const place of [dataDir, dataDir + "/spool", "/tmp", "/", "/dev", "in", ${JSON.stringify(process.cwd())}])
      write[place] = attempt(() => plant(place + "/planted"));
    const own = attempt(() => plant("out/mine"));
    const signal = attempt(() => process.kill(${process.pid}, 0));
    const processes = attempt(() => fs.readdirSync("/proc").length);
    const done = (connect) => console.log(JSON.stringify({ connect, read, write, own, signal, processes }));
    net.connect(${port}, "127.0.0.1").on("connect", () => done("connected")).on("error", (error) => done(error.code));
  `;
  try {
    const findings = await runInside<Findings>(kind, spool, code);
    return { ...findings, received };
  } finally {
    server.close();
  }
}

describe("from inside", () => {
  test("of bubblewrap there is no network, no file of veil's, and nowhere to write but its own folder", {
    skip: without("bubblewrap"),
  }, async () => {
    const { connect, read, write, own, signal, processes, received } = await tryEverything("bubblewrap");
    assert.deepEqual([connect === "connected", received], [false, 0], connect);
    for (const [name, got] of Object.entries(read)) assert.equal(got, "ENOENT", name);
    for (const [place, got] of Object.entries(write)) assert.match(got, /^(ENOENT|EROFS|EACCES)$/, place);
    assert.equal(own, "undefined");
    assert.match(signal, /^(EPERM|ESRCH)$/);
    assert.equal(processes, "ENOENT");
  });

  test("of setpriv, started by root, there is no network, and no file of veil's can be read or made", {
    skip: without("setpriv") || (!isRoot && "not run: needs root"),
  }, async () => {
    const { connect, read, write, own, signal, received } = await tryEverything("setpriv");
    assert.deepEqual([connect === "connected", received], [false, 0], connect);
    const { "/etc/passwd": everybodys, ...others } = read;
    for (const [name, got] of Object.entries(others)) assert.equal(got, "EACCES", name);
    const { "/tmp": public_, ...places } = write;
    for (const [place, got] of Object.entries(places)) assert.match(got, /^(EROFS|EACCES)$/, place);
    assert.equal(own, "undefined");
    assert.equal(signal, "EPERM");
    const open = hasLandlock ? ["EACCES", "EACCES"] : ["read", "undefined"];
    assert.deepEqual([Number(everybodys) > 0 ? "read" : everybodys, public_], open, "as docs/isolation.md says");
  });

  test("of none everything is to be had: the two tests above would see it", async () => {
    const { connect, read, write, received } = await tryEverything("none");
    assert.deepEqual([connect, received], ["connected", 1]);
    assert.equal(read["installation.key"], "s3cr3t");
    assert.equal(write.in, "undefined");
  });
});

describe("engine processes side by side", () => {
  const code = (other: number) => `
    const fs = require("node:fs");
    const attempt = (action) => { try { return String(action()); } catch (error) { return error.code; } };
    console.log(JSON.stringify([
      attempt(() => process.kill(${other}, 0)),
      attempt(() => fs.readFileSync("/proc/${other}/environ").length),
      attempt(() => fs.readdirSync("/proc/${other}/cwd/out").length),
    ]));
  `;
  for (const kind of ["bubblewrap", "setpriv"] as const) {
    const reason = without(kind) || (!isRoot && "not run: needs root, to be somebody else each");
    test(`under ${kind}, started by root, are each somebody else, and out of reach of one another`, {
      skip: reason,
    }, async () => {
      const spool = await spoolIn(`beside-${kind}`);
      await using pool = poolIn(spool, kind, 2);
      await using one = await pool.open(portrait);
      await using two = await pool.open(portrait);
      assert.deepEqual([one.width, two.width], [512, 512]);
      const engines = enginesOf(process.pid);
      const users = await Promise.all(engines.map(async (pid) => (await statusOf(pid))("Uid").split(/\s+/)[0]));
      assert.equal(new Set(users).size, 2, String(users));
      for (const tried of await runInside<string[]>(kind, spool, code(engines[0]!)))
        assert.match(tried, /^(EPERM|EACCES|ESRCH|ENOENT)$/);
    });
  }
});

describe("which sandbox is taken", () => {
  /** Puts a program of this name first in the PATH. */
  async function install(name: string, script: string): Promise<void> {
    const bin = join(folder.path, `bin-${name}-${script.length}`);
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
    process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;
  }
  const forbidden = "echo 'bwrap: No permissions to create new namespace' >&2; exit 1";

  test("of bubblewrap, setpriv and none, the tightest that works, and why tighter ones don't is said", async () => {
    await install("bwrap", forbidden);
    await using first = poolIn(await spoolIn("fallback"), "auto");
    const expected: Partial<Confinement> = {
      kind: without("setpriv") ? "none" : "setpriv",
      passedOver: ["bubblewrap: bwrap: No permissions to create new namespace"],
    };
    const { kind, passedOver } = await first.confinement();
    assert.deepEqual({ kind, passedOver: passedOver.slice(0, 1) }, expected);
    await install("setpriv", "exit 1");
    await using last = poolIn(await spoolIn("fallback-none"), "auto");
    const { kind: none, passedOver: both, offline, blind } = await last.confinement();
    assert.deepEqual([none, offline, blind], ["none", false, false]);
    const names = both.map((reason) => reason.split(":")[0]);
    assert.deepEqual(names, ["bubblewrap", ...(callFilter() ? ["setpriv with Landlock"] : []), "setpriv"]);
    await using picture = await last.open(portrait);
    assert.equal((await picture.detect(policy)).length, 1);
  });

  test("one that was asked for and does not work is a fault with its reason and a remedy, and nothing runs", async () => {
    await install("bwrap", forbidden);
    const spool = await spoolIn("named");
    await using pool = poolIn(spool, "bubblewrap");
    await assert.rejects(pool.detector(), (error) => {
      assert.ok(error instanceof Problem);
      assert.deepEqual([error.code, error.retry], ["invalid-config", false]);
      assert.match(error.message, /^engine\.isolation: bubblewrap: bwrap: No permissions to create new namespace$/);
      assert.match(error.remedy!, /engine\.isolation/);
      return true;
    });
    assert.deepEqual([pool.stats().live, await readdir(spool)], [0, []]);
  });

  test("one that dies once is tried again before a looser one is", { skip: without("bubblewrap") }, async () => {
    const marker = join(folder.path, "died");
    const real = programPath("bwrap");
    await install("bwrap", `test -e '${marker}' && exec '${real}' "$@"\ntouch '${marker}'\nexit 1`);
    await using pool = poolIn(await spoolIn("chance"), "auto");
    const { kind, filtered, passedOver } = await pool.confinement();
    assert.deepEqual([kind, filtered, passedOver], ["bubblewrap", true, []]);
  });

  test("required is one that leaves neither network nor files open, or none at all", async () => {
    if (without("bubblewrap") === false) {
      await using pool = poolIn(await spoolIn("required"), "required");
      assert.deepEqual(
        [(await pool.confinement()).kind, (await pool.confinement()).filtered],
        ["bubblewrap", process.arch === "x64" || process.arch === "arm64"],
      );
    }
    await install("bwrap", forbidden);
    // It shuts nothing in.
    await install("setpriv", 'while case "$1" in --*) true;; *) false;; esac; do shift; done; exec "$@"');
    await install("unshare", "exit 1");
    await using none = poolIn(await spoolIn("required-none"), "required");
    await assert.rejects(none.detector(), (error) => {
      assert.ok(error instanceof Problem && error.code === "invalid-config");
      assert.match(error.message, /^engine\.isolation: bubblewrap: .*; setpriv: the machine's network, every file/);
      return true;
    });
  });

  test("once one works a looser one is never taken, whatever happens to it later", {
    skip: without("bubblewrap"),
  }, async () => {
    const marker = join(folder.path, "worked");
    const real = programPath("bwrap");
    await install("bwrap", `test -e '${marker}' && exit 1\ntouch '${marker}'\nexec '${real}' "$@"`);
    await using pool = poolIn(await spoolIn("once"), "auto");
    assert.equal((await pool.confinement()).kind, "bubblewrap");
    process.kill(enginesOf(process.pid)[0]!, "SIGKILL");
    const opening = async () => {
      for (let i = 0; i < 2; i++) await (await pool.open(portrait)).close();
    };
    await assert.rejects(opening, (error) => error instanceof Problem && error.code === "crashed");
    assert.equal((await pool.confinement()).kind, "bubblewrap");
  });
});

describe("veil run by somebody else than root", {
  skip: !isRoot && "not run: needs root, to become somebody else",
}, () => {
  let veil = "";
  before(async () => {
    // Its own folders may be closed to others.
    veil = join(folder.path, "unprivileged");
    await mkdir(veil);
    await cp(portrait, join(veil, "portrait.png"));
    spawnSync("chown", ["-R", "61234:61234", veil]);
    await chmod(folder.path, 0o755);
  });

  for (const kind of ["bubblewrap", "setpriv", "none"] as const) {
    test(`shuts its engine processes into ${kind} too`, { skip: without(kind) }, async () => {
      const program = new URL("./confined-service.ts", import.meta.url).pathname;
      const node = [process.execPath, "--disable-warning=ExperimentalWarning", program, join(veil, kind)];
      const args = ["--reuid=61234", "--regid=61234", "--clear-groups", ...node, join(veil, "portrait.png"), kind];
      const { stdout, stderr } = spawnSync("setpriv", args, { encoding: "utf8", env: { PATH: path, HOME: veil } });
      assert.notEqual(stdout, "", stderr);
      const { confinement, regions, left } = JSON.parse(stdout) as ConfinedAnswer;
      assert.deepEqual([confinement.kind, confinement.asOthers, regions, left], [kind, false, 1, []]);
      const { offline, blind } = confinement;
      if (kind === "bubblewrap" || (kind === "setpriv" && hasLandlock))
        assert.deepEqual([offline, blind], [true, true]);
    });
  }
});

interface ConfinedAnswer {
  readonly confinement: Confinement;
  readonly regions: number;
  readonly left: readonly string[];
}

function withoutHeic(): string | false {
  return programPath("heif-enc") === undefined ? "not run: heif-enc is not here (libheif-examples)" : false;
}

async function jpegFile(): Promise<string> {
  const file = join(folder.path, "portrait.jpg");
  await writeFile(file, await sharp(portrait).jpeg({ quality: 95 }).toBuffer());
  return file;
}
