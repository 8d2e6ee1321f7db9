import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createKeyFilter, doneFileOf, isDoneFile } from "../../src/pipeline/key-filter.ts";

const taken = (include: string[], exclude: string[], keys: string[], doneFile?: string) =>
  keys.filter(createKeyFilter({ include, exclude, doneFile }));

describe("what a route takes", () => {
  test("is what an include pattern fits and no exclude pattern does, at any depth and in any case", () => {
    const keys = ["a.jpg", "x/b.JPG", "x/y/c.png", "Private/d.jpg", "x/private/e.jpg", "f.txt"];
    assert.deepEqual(taken(["**"], [], keys), keys);
    assert.deepEqual(taken(["**/*.{jpg,png}"], ["private/**"], keys), [
      "a.jpg",
      "x/b.JPG",
      "x/y/c.png",
      "x/private/e.jpg",
    ]);
    assert.deepEqual(taken(["*.jpg"], [], keys), ["a.jpg"]);
    assert.deepEqual(taken(["**"], ["**/private/**"], keys), ["a.jpg", "x/b.JPG", "x/y/c.png", "f.txt"]);
    assert.deepEqual(taken([], [], keys), []);
  });

  test("knows names in any script, with spaces and newlines, in either normalisation form", () => {
    const decomposed = "Stra\u00dfe/Mu\u0308ller 7\n.jpg";
    assert.deepEqual(taken(["stra\u00dfe/m\u00fcller*.jpg"], [], [decomposed]), [decomposed]);
    assert.deepEqual(taken(["**/*.jpg"], ["照片/**"], ["照片/王.jpg", "צילום/א.jpg"]), ["צילום/א.jpg"]);
  });

  test("is nothing hidden, and no done-file", () => {
    const plain = ["d..jpg", "x/../e.jpg", "./f.jpg", "/g.jpg"];
    assert.deepEqual(taken(["**"], [], [".a.jpg", "x/.thumbs/b.jpg", "x/.c.jpg", "...", "..h/i.jpg", ...plain]), plain);
    assert.deepEqual(taken(["**"], [], ["a.jpg", "a.jpg.done", ".done", "b.done"], "*.done"), ["a.jpg"]);
    assert.deepEqual(taken(["**"], [], ["a.jpg", "x/READY", "READY.jpg"], "READY"), ["a.jpg", "READY.jpg"]);
  });
});

test("a done-file lies beside its object, or in its folder for all", () => {
  assert.equal(doneFileOf("*.done", "x/a$&.jpg"), "x/a$&.jpg.done");
  assert.equal(doneFileOf("READY", "x/y/a.jpg"), "x/y/READY");
  assert.equal(doneFileOf("*.ok", "a.jpg"), "a.jpg.ok");
  assert.equal(isDoneFile("*.done", "x/a.jpg.done"), true);
  assert.equal(isDoneFile("*.done", "x/.done"), false);
});
