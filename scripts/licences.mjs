import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lockedPackages, nameOf } from "./packages-of.mjs";

/** Licences under which veil may use a package, by their SPDX names. */
export const allowedLicences = [
  ...["Apache-2.0", "MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "0BSD", "BlueOak-1.0.0"],
  ...["CC0-1.0", "Unlicense"],
];
/** Only as a shared library of its own that can be exchanged: libvips, which sharp loads. */
const sharedLibraries = /^@img\/sharp-(libvips-|win32-|wasm32$)/;

/** Where a package's metadata names no SPDX licence but its own words are plain: that one is in the public domain. */
const read = { "uri-templates": "Unlicense" };

/**
 * @typedef {{ path: string, name: string, version: string, licence: string, isDev: boolean, integrity: string | undefined }} Licensed
 */

/**
 * Every package of the lock file with its licence, one row a name and version, sorted.
 * @param {string} root the clone
 * @returns {Licensed[]}
 */
export function licensedPackages(root) {
  const rows = [...lockedPackages(root)].map(([path, { version = "", license, dev, integrity }]) => {
    const name = nameOf(path);
    const licence = read[/** @type {keyof typeof read} */ (name)] ?? license ?? olderField(root, path) ?? "unknown";
    return { path, name, version, licence, isDev: dev === true, integrity };
  });
  const first = new Map(rows.map((row) => [`${row.name}@${row.version}`, row]));
  for (const row of rows) if (!row.isDev) first.set(`${row.name}@${row.version}`, row);
  return [...first.values()].sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));
}

/**
 * Whether a package may be used: every part of `A AND B` is allowed, or one of `A OR B`.
 * @param {Pick<Licensed, "name" | "licence">} row
 * @returns {boolean}
 */
export function isAllowed({ name, licence }) {
  const options = licence.replace(/[()]/g, "").split(/ OR /i);
  return options.some((option) =>
    option.split(/ AND /i).every((one) => {
      return allowedLicences.includes(one.trim()) || (/^LGPL-[23]/.test(one) && sharedLibraries.test(name));
    }),
  );
}

/**
 * What a package says of its licence in files of its own; empty: nothing, or it is not installed here.
 * @param {string} root @param {string} path
 * @returns {string[]}
 */
export function licenceTexts(root, path) {
  const folder = join(root, path);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice|third)/i.test(name));
  const files = names.filter((name) => /^[^.]+(\.(md|txt|markdown|mit|bsd|apache2?))?$/i.test(name)).sort();
  return files.map((name) => readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n").trim());
}

/** As package.json had it long ago. @param {string} root @param {string} path */
function olderField(root, path) {
  const file = join(root, path, "package.json");
  if (!existsSync(file)) return undefined;
  const { license, licenses } = JSON.parse(readFileSync(file, "utf8"));
  return license?.type ?? licenses?.map((/** @type {{ type: string }} */ { type }) => type).join(" OR ");
}
