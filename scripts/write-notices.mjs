// Writes what veil owes to those whose work it carries: `node scripts/write-notices.mjs THIRD-PARTY-NOTICES.txt` gives every
// package with its own licence text, for an image or a release; without a file it brings docs/licences.md up to date.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { modelManifest } from "../src/engine/model-manifest.ts";
import { licenceTexts, licensedPackages } from "./licences.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The list of docs/licences.md. */
export function licenceList() {
  const rows = licensedPackages(root);
  const sections = Map.groupBy(
    rows.filter(({ isDev }) => !isDev),
    ({ licence }) => licence,
  );
  const lists = [...sections].sort().map(([licence, its]) => {
    const names = its.map(({ name, version }) => `${name} ${version}`);
    return `### ${licence}\n\n${names.join(",\n")}\n`;
  });
  const dev = [
    ...Map.groupBy(
      rows.filter(({ isDev }) => isDev),
      ({ licence }) => licence,
    ),
  ].sort();
  const models = modelManifest.map(({ name, licence, sha256 }) => `| ${name} | ${licence} | \`${sha256}\` |`);
  return [
    "# Licences\n",
    "What veil is made of, and under which licences. `node scripts/write-notices.mjs` writes this page from package-lock.json; a",
    "test fails where a package has another licence than those that [CONTRIBUTING.md](../CONTRIBUTING.md) allows. The texts are in",
    "the image (`/opt/veil/THIRD-PARTY-NOTICES.txt`), beside the bill of materials (`sbom.cdx.json`, CycloneDX).\n",
    "libvips (LGPL) is a shared library of its own in the packages `@img/sharp-libvips-…`: it can be exchanged for another build.\n",
    "## Models\n",
    "A model is taken only with this digest, whenever it is loaded.\n",
    `| model | licence | SHA-256 |\n| --- | --- | --- |\n${models.join("\n")}\n`,
    "## Packages that veil and its page use\n",
    ...lists,
    "## Packages for development alone\n",
    `| licence | packages |\n| --- | --- |\n${dev.map(([licence, its]) => `| ${licence} | ${its.length} |`).join("\n")}\n`,
  ].join("\n");
}

/** Every text once, under the packages that it belongs to. */
export function notices() {
  const rows = licensedPackages(root).filter(({ isDev }) => !isDev);
  /** @type {Map<string, string[]>} */
  const owners = new Map();
  for (const { path, name, version, licence } of rows) {
    const texts = licenceTexts(root, path);
    const about = `${name} ${version} (${licence})`;
    for (const text of texts.length > 0
      ? texts
      : [`Under the licence ${licence}; the package brings no text of its own.`]) {
      owners.set(text, [...(owners.get(text) ?? []), about]);
    }
  }
  const node = join(dirname(dirname(process.execPath)), "LICENSE");
  if (existsSync(node)) owners.set(readFileSync(node, "utf8").trim(), [`Node.js ${process.versions.node}`]);
  const rule = "=".repeat(80);
  return `${[...owners].map(([text, whose]) => `${rule}\n${whose.join("\n")}\n${rule}\n\n${text}\n`).join("\n")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [file] = process.argv.slice(2);
  if (file === undefined) writeFileSync(join(root, "docs", "licences.md"), licenceList());
  else writeFileSync(file, notices());
}
