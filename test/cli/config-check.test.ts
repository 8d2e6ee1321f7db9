import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

function check(cwd: string) {
  return spawnSync(process.execPath, [main, "config", "check"], {
    cwd,
    encoding: "utf8",
    env: { PATH: process.env.PATH },
  });
}

describe("veil config check", () => {
  test("says all faults at once, and the routes where there are none", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "veil-data/veil.yaml");
    await mkdir(join(folder.path, "veil-data"));
    await writeFile(file, "port: x\nroutes:\n  a:\n    from: /srv/a\n    to: /srv/a/b\n");
    const bad = check(folder.path);
    assert.equal(bad.status, 2);
    assert.match(bad.stderr, /2 faults:\n {2}port \(veil\.yaml:1\).*\n {2}routes\.a\.from .*two separate folders/);
    await writeFile(file, "routes:\n  a:\n    from: /srv/a\n    to: /srv/b\n");
    const good = check(folder.path);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /no faults\.\n {2}folder .*\n {2}a {12}\/srv\/a → \/srv\/b\n$/);
  });
});
