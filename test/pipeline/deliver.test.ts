import assert from "node:assert/strict";
import { test } from "node:test";
import { putMasked } from "../../src/pipeline/deliver.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";

test("handing over anything but what render made does not compile", () => {
  const store = createMemoryStore({ name: "output" });
  const original = {
    path: "/photo.jpg",
    contentType: "image/jpeg",
    extension: "jpg",
    size: 1,
    sha256: "",
    width: 1,
    height: 1,
  };
  // @ts-expect-error The brand is missing: this line must never type-check.
  const forged = () => putMasked(store, "photo.jpg", original);
  assert.equal(typeof forged, "function");
});
