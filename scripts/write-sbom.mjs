// Writes veil's bill of materials, CycloneDX 1.6: `node scripts/write-sbom.mjs sbom.cdx.json`. The same lock file gives the same bytes.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { modelManifest } from "../src/engine/model-manifest.ts";
import { licensedPackages } from "./licences.mjs";
import { runtimePackages } from "./packages-of.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What veil is made of; packages that only build the page are among it, as parts of the page. */
export function billOfMaterials() {
  const { name, version, license, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const needed = runtimePackages(root);
  const packages = licensedPackages(root).filter(({ isDev }) => !isDev);
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        ...{ type: "application", "bom-ref": "veil", name, version, description },
        licenses: [{ license: { id: license } }],
      },
    },
    components: [
      ...packages.map((one) => ({
        type: "library",
        "bom-ref": purl(one),
        ...{ name: one.name, version: one.version, purl: purl(one) },
        ...(one.integrity && { hashes: [hashOf(one.integrity)] }),
        licenses: [licenceOf(one.licence)],
        properties: [{ name: "veil:part", value: needed.has(one.path) ? "service" : "page" }],
      })),
      ...modelManifest.map((model) => ({
        type: "machine-learning-model",
        "bom-ref": `model:${model.name}`,
        ...{ name: model.name, version: model.sha256.slice(0, 12), description: model.origin },
        hashes: [{ alg: "SHA-256", content: model.sha256 }],
        licenses: [licenceOf(model.licence)],
        properties: [{ name: "veil:bundled", value: String(model.source === undefined) }],
      })),
      {
        type: "platform",
        "bom-ref": "node",
        ...{ name: "node", version: process.versions.node, purl: `pkg:generic/node@${process.versions.node}` },
        licenses: [{ license: { id: "MIT" } }],
      },
    ],
  };
}

/** @param {{ name: string, version: string }} row */
function purl({ name, version }) {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** Of an integrity as npm writes it. @param {string} integrity */
function hashOf(integrity) {
  const [algorithm = "", digest = ""] = integrity.split(" ", 1)[0]?.split("-", 2) ?? [];
  return {
    alg: algorithm.toUpperCase().replace(/^SHA(\d)/, "SHA-$1"),
    content: Buffer.from(digest, "base64").toString("hex"),
  };
}

/** @param {string} licence */
function licenceOf(licence) {
  if (/ (AND|OR) /i.test(licence)) return { expression: licence };
  return /^[\w.+-]+$/.test(licence) ? { license: { id: licence } } : { license: { name: licence } };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [file = "sbom.cdx.json"] = process.argv.slice(2);
  writeFileSync(file, `${JSON.stringify(billOfMaterials(), null, 2)}\n`);
}
