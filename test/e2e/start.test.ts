import assert from "node:assert/strict";
import { mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startProgram } from "./program.ts";

describe("a start that can't be", () => {
  test("on a port that is taken ends with a reason, and leaves nothing running", async () => {
    await using folder = await temporaryFolder();
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    // Rejects once the program has ended; one that hangs would run into the test's own limit.
    await assert.rejects(
      startProgram({ dataDir: folder.path, flags: ["--port", String(port)] }),
      /ended with 2[\s\S]*is taken already/,
    );
    other.close();
  });

  test("at an address that is not this machine's ends with a reason, and leaves nothing running", async () => {
    await using folder = await temporaryFolder();
    // Of documentation alone, RFC 5737.
    const set = [
      "events.webhook.token=a-token-of-some-length",
      "events.webhook.host=203.0.113.7",
      "events.webhook.allowPlain=true",
    ];
    await assert.rejects(
      startProgram({ dataDir: folder.path, flags: set.flatMap((one) => ["--set", one]) }),
      /ended with 2[\s\S]*203\.0\.113\.7 \(events\.webhook\.host\) is no address of this machine[\s\S]*Set events\.webhook\.host/,
    );
  });

  test("on a data folder that is served already ends with a reason, and harms the other nothing", async () => {
    await using veil = await startProgram();
    const already = new RegExp(`ended with 2[\\s\\S]*is serving .* already at ${veil.address}\n`);
    await assert.rejects(startProgram({ dataDir: veil.dataDir }), already);
    assert.equal((await fetch(`${veil.address}/readyz`)).status, 200);
    await veil.stop();
    await assert.rejects(stat(join(veil.dataDir, "serve.address")), { code: "ENOENT" });
  });

  test("on a folder that is somebody else's touches nothing in it", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "results"));
    await writeFile(join(folder.path, "results/thesis.txt"), "years of work");
    await assert.rejects(startProgram({ dataDir: folder.path }), /ended with 2[\s\S]*no data folder of veil's/);
    assert.equal(await readFile(join(folder.path, "results/thesis.txt"), "utf8"), "years of work");
  });

  test("on a watched folder that is not there is refused, and works once it is", async () => {
    await using folder = await temporaryFolder();
    const share = join(folder.path, "share");
    const flags = ["--set", `folder.input=${share}`];
    const dataDir = join(folder.path, "data");
    await assert.rejects(startProgram({ dataDir, flags }), /ended with 2[\s\S]*There is no folder [\s\S]*mount/);
    await mkdir(share);
    await using veil = await startProgram({ dataDir, flags });
    assert.equal((await fetch(`${veil.address}/readyz`)).status, 200);
  });

  test("with a spool that is a link to elsewhere touches nothing there", async () => {
    await using folder = await temporaryFolder();
    await using home = await temporaryFolder();
    {
      await using veil = await startProgram({ dataDir: folder.path });
      await veil.stop();
    }
    const { rm } = await import("node:fs/promises");
    await rm(join(folder.path, "spool"), { recursive: true });
    await writeFile(join(home.path, "letter.txt"), "dear");
    await symlink(home.path, join(folder.path, "spool"));
    await assert.rejects(startProgram({ dataDir: folder.path }), /ended with 2/);
    assert.equal(await readFile(join(home.path, "letter.txt"), "utf8"), "dear");
  });

  test("what is its own alone is readable by its owner alone", async () => {
    await using veil = await startProgram();
    for (const name of ["veil.sqlite", "installation.key"]) {
      assert.equal((await stat(join(veil.dataDir, name))).mode & 0o077, 0, name);
    }
    for (const name of ["spool", "inbox", "results"]) {
      assert.equal((await stat(join(veil.dataDir, name))).mode & 0o077, 0, name);
    }
  });
});
