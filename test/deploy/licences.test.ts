import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { isAllowed, licensedPackages } from "../../scripts/licences.mjs";
import { lockedPackages, runtimePackages } from "../../scripts/packages-of.mjs";
import { licenceList, notices } from "../../scripts/write-notices.mjs";
import { billOfMaterials } from "../../scripts/write-sbom.mjs";
import { modelManifest } from "../../src/engine/model-manifest.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("what veil is made of", () => {
  test("comes under licences that an organisation may use it by", () => {
    const packages = licensedPackages(root);
    assert.ok(packages.length > 500);
    const refused = packages
      .filter((row) => !isAllowed(row))
      .map(({ name, version, licence }) => `${name} ${version}: ${licence}`);
    assert.deepEqual(refused, []);
  });

  test("would be refused under another one", () => {
    const name = "something";
    for (const licence of [
      "GPL-3.0-only",
      "AGPL-3.0",
      "LGPL-3.0-or-later",
      "SSPL-1.0",
      "UNLICENSED",
      "unknown",
      "MIT AND GPL-2.0",
      "",
    ])
      assert.ok(!isAllowed({ name, licence }), licence);
    for (const licence of ["MIT", "(GPL-2.0 OR MIT)", "Apache-2.0 AND MIT"])
      assert.ok(isAllowed({ name, licence }), licence);
    assert.ok(isAllowed({ name: "@img/sharp-libvips-linux-x64", licence: "LGPL-3.0-or-later" }));
  });

  test("is pinned: one version of each package, with its digest", () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      assert.match(String(version), /^\d+\.\d+\.\d+[\w.-]*$/, name);
    for (const [path, { integrity }] of lockedPackages(root)) assert.match(integrity ?? "", /^sha512-/, path);
    for (const { name, sha256 } of modelManifest) assert.match(sha256, /^[0-9a-f]{64}$/, name);
  });

  test("is listed in the documentation", () => {
    assert.equal(readFileSync(join(root, "docs/licences.md"), "utf8"), licenceList(), "node scripts/write-notices.mjs");
  });

  test("is named with its licence's text", () => {
    const text = notices();
    for (const { name, version, isDev, licence } of licensedPackages(root))
      if (!isDev) assert.ok(text.includes(`${name} ${version} (${licence})`), name);
    assert.match(text, /Permission is hereby granted/);
  });

  test("is a bill of materials that CycloneDX's schema takes, the same each time", async () => {
    const bill = billOfMaterials();
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    assert.equal(await validator.validate(JSON.stringify(bill)), null);
    assert.notEqual(await validator.validate(JSON.stringify({ ...bill, components: [{ type: "thing" }] })), null);
    assert.deepEqual(billOfMaterials(), bill);
    const parts = bill.components.map((one) => ("purl" in one ? one.purl : one["bom-ref"]));
    assert.equal(new Set(parts).size, parts.length);
    assert.ok(
      parts.some((one) => one.startsWith("pkg:npm/onnxruntime-node@")) && parts.includes("model:mediapipe-full-range"),
    );
  });

  test("is known apart by what runs and what only builds the page", () => {
    const needed = runtimePackages(root);
    for (const name of [
      "sharp",
      "fastify",
      "onnxruntime-node",
      "pg",
      "@img/sharp-libvips-linux-x64",
      "@mediapipe/face_detection",
    ])
      assert.ok(needed.has(`node_modules/${name}`), name);
    for (const name of ["react", "vite", "@mantine/core", "typescript"])
      assert.ok(!needed.has(`node_modules/${name}`), name);
    for (const path of needed) assert.ok(lockedPackages(root).has(path), path);
  });
});
