import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { loadConfig } from "../../src/config.ts";
import { openDataFolder } from "../../src/data-folder.ts";
import { createReconcileSource } from "../../src/sources/reconcile.ts";
import { createFsStore } from "../../src/stores/fs.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { noteOne, sha256 } from "../contracts/ledger-seals.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { type Ended, runVeil } from "../fixtures/veil-command.ts";
import { jpegOf } from "../sources/pictures.ts";

interface LedgerFolder extends AsyncDisposable {
  readonly path: string;
  readonly dataDir: string;
  readonly heads: string;
  veil(...args: string[]): Promise<Ended>;
  /** As somebody with the file would. */
  tamper(sql: string): void;
}

function openData(dataDir: string) {
  return openDataFolder(loadConfig({ flags: { dataDir }, env: {}, cwd: dataDir }), assert.ifError);
}

/** Puts a photograph into the watched folder; answers the version that veil knows it by. */
async function drop(dataDir: string, key: string): Promise<string> {
  const store = createFsStore({ name: "input", root: join(dataDir, "input_photos") });
  await mkdir(join(dataDir, "input_photos", key, ".."), { recursive: true });
  await writeFile(join(dataDir, "input_photos", key), await jpegOf(30));
  const { version } = (await store.head(key))!;
  await store.close();
  return version;
}

/** A data folder whose ledger tells of three photographs of two people and of one request, all sealed. */
async function ledgerFolder(): Promise<LedgerFolder> {
  const folder = await temporaryFolder();
  const dataDir = join(folder.path, "data");
  const heads = join(folder.path, "heads.jsonl");
  {
    await using data = await openData(dataDir);
    for (const key of ["anna/1.jpg", "anna/2.jpg", "=ben/1.jpg"]) {
      const candidate = makeCandidate({ key, version: await drop(dataDir, key) });
      await data.ledger.admit([candidate]);
      const { id: jobId } = candidate.job;
      await data.ledger.append({ jobId, kind: "started", at: Date.now(), attempt: 1 });
      await data.ledger.append({
        ...{ jobId, kind: "done", at: Date.now(), attempt: 1, regions: 2 },
        input: { size: 8, sha256: sha256(`original ${key}`) },
        output: { version: "1-1", size: 6, sha256: sha256(`masked ${key}`), contentType: "image/jpeg" },
        detector: { name: "d", digest: "x" },
      });
    }
    await noteOne(data.ledger, Date.now());
  }
  await writeFile(join(folder.path, "masked.jpg"), "masked anna/1.jpg");
  await writeFile(join(folder.path, "original.jpg"), "original anna/2.jpg");
  return {
    ...{ path: folder.path, dataDir, heads },
    veil: (...args) => runVeil(["--data-dir", dataDir, "--set", `ledger.heads=${heads}`, "ledger", ...args]),
    tamper(sql) {
      const db = new DatabaseSync(join(dataDir, "veil.sqlite"), { enableForeignKeyConstraints: false });
      for (const name of ["events_stay", "events_stay_same"]) db.exec(`drop trigger if exists ${name}`);
      db.exec(sql);
      db.close();
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

describe("veil ledger verify", () => {
  test("says what is proven and what is not, and finds an edit, a deletion and a swap made with raw SQL", async () => {
    await using folder = await ledgerFolder();
    const before = await folder.veil("verify");
    assert.equal(before.code, 0);
    assert.match(before.out, /^0 records prove themselves\n.*\n10 newest records are not sealed yet/);
    assert.match(before.out, /No heads kept elsewhere were given.*can't be seen/);
    await folder.veil("find");
    const sealed = await folder.veil("verify", "--heads", folder.heads);
    assert.equal(sealed.code, 0, sealed.out);
    assert.match(sealed.out, /^10 records prove themselves\n1 signed heads.*\n1 heads kept elsewhere were compared/);
    folder.tamper("update events set detail = replace(detail, '\"regions\":2', '\"regions\":3') where seq = 6");
    const edited = await folder.veil("verify");
    assert.equal(edited.code, 1);
    assert.match(edited.out, /^FAULT {2}record 5 \(event 6, done of job [0-9a-f]{32}\): it does not say any more/);
    folder.tamper("update events set seq = 99 where seq = 2; update events set seq = 2 where seq = 3");
    folder.tamper("update events set seq = 3 where seq = 99; delete from events where seq = 9");
    const report = JSON.parse((await folder.veil("verify", "--json")).out) as { faults: string[]; faultCount: number };
    assert.deepEqual(
      report.faults.map((fault) => /^record (\d+)/.exec(fault)?.[1]),
      ["1", "2", "5", "8"],
    );
  });

  test("finds a cut-off end with heads kept elsewhere", async () => {
    await using folder = await ledgerFolder();
    await folder.veil("find");
    folder.tamper(`delete from seals where position >= 8; delete from events where seq > 8; drop trigger notes_stay;
      delete from notes; delete from heads`);
    const without = await folder.veil("verify");
    assert.deepEqual([without.code, /8 records prove themselves/.test(without.out)], [0, true]);
    const { code, out } = await folder.veil("verify", "--heads", folder.heads);
    assert.equal(code, 1);
    assert.match(out, /^FAULT .*there are 8: at least 2 are missing from the end/);
    const refused = await folder.veil("find");
    assert.match(refused.err, /newest head is for no records and does not fit the 8/);
  });

  test("takes no folder for a ledger that has none, and makes none", async () => {
    await using folder = await temporaryFolder();
    const { code, err } = await runVeil(["--data-dir", folder.path, "ledger", "verify"]);
    assert.equal(code, 1);
    assert.match(err, /There is no ledger/);
    assert.deepEqual(await readdir(folder.path), []);
  });
});

describe("veil ledger proof", () => {
  test("proves a masked file and an original, to whoever has the public key and nothing else", async () => {
    await using folder = await ledgerFolder();
    const [masked, original, proof, key] = ["masked.jpg", "original.jpg", "proof.json", "veil.pem"].map((name) =>
      join(folder.path, name),
    ) as [string, string, string, string];
    assert.equal((await folder.veil("proof", masked, "-o", proof)).code, 0);
    await writeFile(key, (await folder.veil("key")).out);
    assert.equal((await stat(join(folder.dataDir, "ledger.key"))).mode & 0o777, 0o600);
    assert.doesNotMatch(await readFile(key, "utf8"), /PRIVATE/);
    const elsewhere = ["--data-dir", join(folder.path, "nothing"), "ledger", "proof"];
    const checked = await runVeil([...elsewhere, masked, "--check", proof, "--key", key, "--heads", folder.heads]);
    assert.equal(checked.code, 0, checked.out + checked.err);
    assert.match(checked.out, /^This proof holds, and is about .*masked\.jpg\noutcome +done.*command:/);
    assert.match(checked.out, new RegExp(`original +input/anna/1.jpg ${sha256("original anna/1.jpg")}\n`));
    assert.match(checked.out, /masked +2 regions, blur standard\nwith +veil \d/);
    const other = await runVeil([...elsewhere, original, "--check", proof]);
    assert.equal(other.code, 1);
    assert.match(other.out, /^FAULT {2}The record is not about/);

    const text = await readFile(proof, "utf8");
    const forged = join(folder.path, "forged.json");
    await writeFile(forged, text.replace('"regions": 2', '"regions": 9'));
    assert.equal((await runVeil([...elsewhere, "--check", forged])).code, 1);
    const ofOriginal = await folder.veil("proof", original, "--heads", folder.heads);
    assert.match(ofOriginal.out, /"value": "anna\/2\.jpg"[\s\S]*"since": \{/);
    await writeFile(masked, "changed");
    const { code, err } = await folder.veil("proof", masked);
    assert.equal(code, 1);
    assert.match(err, /no record of .*masked\.jpg/);
  });
});

describe("veil ledger find and export", () => {
  test("look records up, and write them as JSON Lines and as a table in which nothing is a formula", async () => {
    await using folder = await ledgerFolder();
    const found = await folder.veil("find", "--path", "anna/*", "--outcome", "done", "--since", "2020-01-01");
    assert.equal(found.out.trim().split("\n").length, 2);
    assert.match(found.out, /^ {7}2 {2}\S+ {2}done +input\/anna\/1\.jpg {2}2 regions {2}[0-9a-f]{16}\n/);
    assert.equal((await folder.veil("find", "--digest", sha256("nothing"))).code, 1);
    assert.equal((await folder.veil("find", "--since", "yesterday")).code, 2);
    const lines = (await folder.veil("export", "--format", "jsonl")).out.trim().split("\n");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).position),
      Array.from({ length: 10 }, (_, index) => index),
    );
    const file = join(folder.path, "ledger.csv");
    assert.equal((await folder.veil("export", "--format", "csv", "-o", file)).code, 0);
    const table = (await readFile(file, "utf8")).split("\r\n");
    assert.equal(table.length, 12);
    assert.match(table[0]!, /^position,record,at,outcome,job,route,.*input_sha256.*,who,veil,erased,leaf$/);
    assert.match(table[7]!, /,"'=ben\/1\.jpg",/);
    assert.ok(table.every((line) => !/(^|,)"?[=+@]/.test(line)));
  });
});

describe("veil ledger erase", () => {
  test("says first, erases then, leaves no trace in the file, and nothing is taken in again", async () => {
    await using folder = await ledgerFolder();
    await folder.veil("find");
    const said = await folder.veil("erase", "--path", "anna/*");
    assert.deepEqual(
      [said.code, said.out.split(".")[0]],
      [0, "This would erase the personal values of 2 jobs and 0 requests (6 records)"],
    );
    const traces = async () => {
      const names = (await readdir(folder.dataDir)).filter((name) => name.startsWith("veil.sqlite"));
      const bytes = Buffer.concat(await Promise.all(names.map((name) => readFile(join(folder.dataDir, name)))));
      return [
        Buffer.from("anna/"),
        Buffer.from(sha256("original anna/1.jpg")),
        Buffer.from(sha256("original anna/1.jpg"), "hex"),
      ].filter((one) => bytes.includes(one)).length;
    };
    assert.equal(await traces(), 3);
    const done = await folder.veil("erase", "--path", "anna/*", "--yes");
    assert.deepEqual(
      [done.code, done.out],
      [0, "The personal values of 2 jobs and 0 requests (6 records) are erased.\n"],
    );
    assert.equal(await traces(), 0);
    const verified = await folder.veil("verify", "--heads", folder.heads);
    assert.equal(verified.code, 0, verified.out);
    assert.match(verified.out, /^11 records prove themselves, 6 of them without their personal values/);

    await using data = await openData(folder.dataDir);
    await drop(folder.dataDir, "anna/3.jpg");
    const [from, to] = ["input_photos", "output_anonymous"].map((name) => join(folder.dataDir, name));
    const { input } = data.openRoute("folder", { from: from!, to: to! });
    const source = createReconcileSource({
      ...{ name: "reconcile", route: "folder", unseen: data.ledger.unseen, store: input },
      ...{ settleMs: 0, intervalMs: 60_000 },
    });
    const stop = new AbortController();
    const arrived: string[] = [];
    for await (const batch of source.arrivals(stop.signal)) {
      arrived.push(...batch.map(({ key }) => key));
      stop.abort();
    }
    assert.deepEqual(arrived, ["anna/3.jpg"]);
  });

  test("erases nothing on two wishes at once or none", async () => {
    await using folder = await temporaryFolder();
    for (const args of [[], ["--path", "a", "--before", "2026-01-01"]]) {
      assert.equal((await runVeil(["--data-dir", folder.path, "ledger", "erase", ...args])).code, 2);
    }
  });
});
