// Makes node_modules as small as the running service allows, for an image: `node scripts/trim-packages.mjs`. What is
// gone after it: packages that only the page's build needs, other platforms' binaries, and files that nothing loads.
import { globSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { lockedPackages, runtimePackages } from "./packages-of.mjs";

const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");

const kept = runtimePackages(root);
for (const path of lockedPackages(root).keys()) {
  const holdsKept = [...kept].some((one) => one.startsWith(`${path}/node_modules/`));
  if (!kept.has(path) && !holdsKept) rmSync(join(root, path), { recursive: true, force: true });
}
for (const name of [".bin", ".package-lock.json", ".vite"])
  rmSync(join(modules, name), { recursive: true, force: true });

// onnxruntime-node brings all platforms' libraries.
for (const place of globSync("onnxruntime-node/bin/napi-v*/{*,*/*}", { cwd: modules })) {
  const [platform, arch = process.arch] = place.split(sep).slice(3);
  if (platform !== process.platform || arch !== process.arch)
    rmSync(join(modules, place), { recursive: true, force: true });
}
// Of MediaPipe's package only the model is used.
for (const name of globSync("@mediapipe/face_detection/*.{js,wasm,data,binarypb}", { cwd: modules }))
  rmSync(join(modules, name));

// Licences stay, whatever they are called.
const unused =
  /\.(map|d\.[cm]?ts|ts|tsx|flow|md|markdown)$|^(tsconfig.*\.json|\.(eslint|prettier|editorconfig|travis|npmignore).*)$/i;
const licence = /^(licen[cs]e|copying|notice|third|copyright)/i;
for (const entry of readdirSync(modules, { withFileTypes: true, recursive: true })) {
  if (entry.isFile() && unused.test(entry.name) && !licence.test(entry.name))
    rmSync(join(entry.parentPath, entry.name));
}
