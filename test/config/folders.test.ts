import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type ConfigSources, loadConfig } from "../../src/config.ts";
import { faultsOf } from "./faults.ts";

const root = mkdtempSync(join(tmpdir(), "veil-folders-"));
after(() => rmSync(root, { recursive: true, force: true }));

const folder = () => mkdtempSync(join(root, "cwd-"));
const load = (sources: Partial<ConfigSources>) => loadConfig({ flags: {}, env: {}, cwd: root, ...sources });
const faults = (sources: Partial<ConfigSources>) => faultsOf({ cwd: root, ...sources });

describe("folders", () => {
  test("input and output must not be equal or lie in each other", () => {
    for (const [input, output] of [
      ["a", "a"],
      ["a", "a/b"],
      ["a/b", "a"],
      ["a", "a/../a/./"],
    ] as const) {
      const set = [`folder.input=${input}`, `folder.output=${output}`];
      assert.match(faults({ flags: { set } })[0] ?? "", /two separate folders/, `${input} and ${output}`);
    }
    const set = ["folder.input=a", "folder.output=a-masked"];
    assert.equal(load({ flags: { set } }).folder.output, join(root, "a-masked"));
  });

  test("a symbolic link does not hide a loop", () => {
    const cwd = folder();
    mkdirSync(join(cwd, "photos"));
    symlinkSync(join(cwd, "photos"), join(cwd, "link"));
    const set = ["folder.input=photos", "folder.output=link/masked"];
    assert.match(faults({ cwd, flags: { set } })[0] ?? "", /two separate folders/);
  });

  test("neither may hold the data folder", () => {
    const cwd = folder();
    const found = faults({ cwd, flags: { set: [`folder.input=${cwd}`, "folder.output=/some/where"] } });
    assert.match(found[0] ?? "", /holds veil's data folder/);
  });

  test("uploads lie in no route's folder, and no route's in theirs", () => {
    const cwd = folder();
    const under = (uploads: string, input: string, output: string) => ({
      cwd,
      flags: { set: [`jobs.folder=${uploads}`, `folder.input=${input}`, `folder.output=${output}`] },
    });
    for (const [uploads, input, output] of [
      ["photos", "photos", "masked"],
      ["photos/uploads", "photos", "masked"],
      ["masked/uploads", "photos", "masked"],
      ["share", "share/inbox", "masked"],
      ["share", "photos", "share/results/masked"],
    ] as const) {
      const found = faults(under(uploads, input, output));
      assert.equal(found.length, 1, `${uploads} ${input} ${output}`);
      assert.match(found[0]!, /^jobs\.folder \(--set\) and folder\.(input|output) .* separate folders .* lie among/);
    }
    assert.equal(load(under("share", "share/photos", "share/masked")).jobs.folder, join(cwd, "share"));
  });

  test("heads that could be changed with the ledger are refused", () => {
    const cwd = folder();
    const [found = ""] = faults({ cwd, flags: { set: [`ledger.heads=${cwd}/veil-data/heads.jsonl`] } });
    assert.match(found, /^ledger\.heads \(--set\): expected a file outside the data folder but received/);
    assert.equal(load({ cwd, flags: { set: [`ledger.heads=${cwd}/heads.jsonl`] } }).ledger.heads, `${cwd}/heads.jsonl`);
  });
});
