import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createFoldedNames } from "../../src/stores/fs-names.ts";
import { withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

describe("names that a file server may take for one", () => {
  test("are refused where they differ by case or normalisation form alone, in folders too", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "Ward"));
    await writeFile(join(folder.path, "Ward/M\u00fcller.jpg"), "");
    const names = createFoldedNames(folder.path);
    for (const key of ["Ward/m\u00fcller.jpg", "Ward/Mu\u0308ller.jpg", "ward/other.jpg", "WARD"]) {
      await assert.rejects(names.refuseTwin(key), withCode("already-exists"), key);
    }
    for (const key of ["Ward/M\u00fcller.jpg", "Ward/other.jpg", "new/deep/x.jpg"]) await names.refuseTwin(key);
  });

  test("are known from the moment the first one asked, and forgotten when something is removed", async () => {
    await using folder = await temporaryFolder();
    const names = createFoldedNames(folder.path);
    await names.refuseTwin("a.jpg");
    await assert.rejects(names.refuseTwin("A.jpg"), withCode("already-exists"));
    names.forget();
    await names.refuseTwin("A.jpg");
  });
});
