import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { maskedName, misnames } from "../../src/core/masked-name.ts";

describe("the name of a masked picture", () => {
  it("is the original's with -masked, and keeps an extension that fits", () => {
    const names = ["a.jpg", "B.JPEG", "x.y.jpg"].map((name) => maskedName(name, "image/jpeg"));
    assert.deepEqual(names, ["a-masked.jpg", "B-masked.JPEG", "x.y-masked.jpg"]);
    assert.equal(maskedName("scan.tif", "image/tiff"), "scan-masked.tif");
  });

  it("gets an extension that fits where the original's does not, or it has none", () => {
    assert.equal(maskedName("IMG_1.HEIC", "image/jpeg"), "IMG_1-masked.jpg");
    assert.equal(maskedName("really-a-png.jpg", "image/png"), "really-a-png-masked.png");
    assert.equal(maskedName("scan.v2", "image/tiff"), "scan.v2-masked.tiff");
    assert.equal(maskedName("", "image/webp"), "masked.webp");
    assert.equal(maskedName(".jpg", "image/jpeg"), "masked.jpg");
  });
});

describe("a name that lies", () => {
  it("says another kind of picture than it is; a name that says no kind does not", () => {
    const jpeg = ["x.png", "x.HEIC", "x.jpg", "x.JPE", "x", "x.bak", ".png"];
    assert.deepEqual(
      jpeg.filter((name) => misnames(name, "image/jpeg")),
      ["x.png", "x.HEIC", ".png"],
    );
  });
});
