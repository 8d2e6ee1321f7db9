import assert from "node:assert/strict";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../../src/config.ts";
import { openDataFolder } from "../../src/data-folder.ts";
import { bring } from "../contracts/ledger.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startPostgres, withoutPostgres } from "../fixtures/postgres-server.ts";
import { veilCommand } from "../fixtures/veil-command.ts";

test("veil ledger erase leaves the database's files alone while another host serves, and says when to do it", {
  skip: withoutPostgres,
}, async () => {
  await using server = await startPostgres();
  await using folder = await temporaryFolder();
  const [serving, other] = ["serving", "other"].map((name) => join(folder.path, name)) as [string, string];
  const set = ["ledger.driver=postgres", `ledger.url=${await server.database()}`];
  const config = loadConfig({ flags: { dataDir: serving, set }, env: {}, cwd: folder.path });
  const erase = async (path: string) => {
    const flags = set.flatMap((one) => ["--set", one]);
    const { code, out, err } = await veilCommand(other, "ledger", "erase", "--path", path, "--yes", ...flags);
    assert.equal(code, 0, err);
    return out;
  };
  {
    await using data = await openDataFolder(config, (problem) => assert.fail(problem), "service");
    for (const name of ["installation.key", "ledger.key"]) {
      await data.openSigner();
      await mkdir(other, { recursive: true, mode: 0o700 });
      await copyFile(join(serving, name), join(other, name));
    }
    for (const key of ["a.jpg", "b.jpg"]) await bring(data.ledger, key, "done");
    assert.match(
      await erase("a.jpg"),
      /1 job .* are erased\.\nFree space .* once every process that serves is stopped/,
    );
  }
  assert.match(await erase("b.jpg"), /1 job .* are erased\.\n$/);
});
