import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Problem } from "../../src/errors.ts";
import { asideOf } from "../../src/stores/aside.ts";
import { createRemoveVersion, type FileSteps } from "../../src/stores/remove-version.ts";
import { withCode } from "../contracts/store.ts";

/** A folder's files and their versions; what is given may be changed by a test in the middle of a removal. */
function folderOf(files: Record<string, string>, changes: Partial<FileSteps> = {}) {
  const steps: FileSteps = {
    versionOf: async (key) => files[key],
    async moveAside(key, aside) {
      if (files[key] !== undefined) files[aside] = files[key];
      delete files[key];
      return true;
    },
    async moveBack(aside, key) {
      if (files[key] !== undefined) throw new Problem("already-exists", key);
      files[key] = files[aside]!;
      delete files[aside];
    },
    async remove(key) {
      delete files[key];
    },
  };
  const remove = createRemoveVersion("photos");
  return { files, steps, remove: (key: string, version: string) => remove(key, version, { ...steps, ...changes }) };
}

const changed = withCode("changed-while-reading");

describe("one version of a file", () => {
  test("is removed, another one stays, and none is fine", async () => {
    const { files, remove } = folderOf({ "a/x.jpg": "1", "y.jpg": "2" });
    await remove("a/x.jpg", "1");
    await remove("a/x.jpg", "1");
    await assert.rejects(remove("y.jpg", "1"), changed);
    assert.deepEqual(files, { "y.jpg": "2" });
  });

  test("stays, under its own name, when it has come between the look and the removal", async () => {
    const { files, steps, remove } = folderOf(
      { "a/x.jpg": "1" },
      {
        async moveAside(key, aside) {
          files[key] = "2";
          return await steps.moveAside(key, aside);
        },
      },
    );
    await assert.rejects(remove("a/x.jpg", "1"), changed);
    assert.deepEqual(files, { "a/x.jpg": "2" });
  });

  test("stays beside one that is newer still, under a name that its route takes", async () => {
    const { files, steps, remove } = folderOf(
      { "a/x.jpg": "1" },
      {
        async moveAside(key, aside) {
          files[key] = "2";
          await steps.moveAside(key, aside);
          files[key] = "3";
          return true;
        },
      },
    );
    await assert.rejects(remove("a/x.jpg", "1"), changed);
    const [own, other, ...more] = Object.entries(files).toSorted();
    assert.deepEqual([own, other?.[1], more], [["a/x.jpg", "3"], "2", []]);
    assert.match(other![0], /^a\/x~removing-[0-9a-f]{8}\.jpg$/);
  });

  test("lies aside when the process dies in between, and is removed when that is asked for again", async () => {
    const died = () => Promise.reject(new Error("the process died"));
    const { files, steps, remove } = folderOf({ "a/x.jpg": "1" }, { remove: died, moveBack: died });
    await assert.rejects(remove("a/x.jpg", "1"), /died/);
    assert.deepEqual(files, { [asideOf("a/x.jpg", "1")]: "1" });
    await createRemoveVersion("photos")("a/x.jpg", "1", steps);
    assert.deepEqual(files, {});
  });

  test("is removed with what a removal before has left of it, and takes the place of nothing that lies aside", async () => {
    const aside = asideOf("x.jpg", "1");
    const { files, remove } = folderOf({ "x.jpg": "1", [aside]: "1" });
    await remove("x.jpg", "1");
    assert.deepEqual(files, {});
    Object.assign(files, { "x.jpg": "1", [aside]: "2" });
    await assert.rejects(remove("x.jpg", "1"), changed);
    assert.deepEqual(files, { "x.jpg": "1", [aside]: "2" });
  });

  test("gets its name again where it may not be removed", async () => {
    const denied = new Problem("store-denied", "no");
    const { files, remove } = folderOf({ "x.jpg": "1" }, { remove: () => Promise.reject(denied) });
    await assert.rejects(remove("x.jpg", "1"), withCode("store-denied"));
    assert.deepEqual(files, { "x.jpg": "1" });
  });

  test("is removed where files may not be given other names", async () => {
    const { files, remove } = folderOf({ "x.jpg": "1", "y.jpg": "1" }, { moveAside: async () => false });
    await remove("x.jpg", "1");
    assert.deepEqual(files, { "y.jpg": "1" });
  });

  test("is removed, if not at first, where another name makes another version of it", async () => {
    let copies = 1;
    const { files, remove } = folderOf(
      { "x.jpg": "1" },
      {
        async moveAside(key, aside) {
          copies += 1;
          files[aside] = String(copies);
          delete files[key];
          return true;
        },
        async moveBack(aside, key) {
          copies += 1;
          files[key] = String(copies);
          delete files[aside];
        },
      },
    );
    await assert.rejects(remove("x.jpg", "1"), changed);
    assert.deepEqual(files, { "x.jpg": "3" });
    await remove("x.jpg", "3");
    assert.deepEqual(files, {});
  });
});
