// Builds the container image with buildah: `node scripts/build-image.mjs [--tag veil] [--debootstrap SUITE] [--root FOLDER]`.
// With --debootstrap the base comes from Debian's packages and the Node that runs this, instead of a registry of images:
// for machines that reach none. Run by root; --root keeps buildah's storage there, and a base made once is taken again.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./bootstrap.mjs";
import { findNpm } from "./npm.mjs";
import { BootstrapError, runMain, step } from "./report.mjs";
import { run } from "./run.mjs";

const { values } = parseArgs({
  options: {
    tag: { type: "string", default: "localhost/veil" },
    debootstrap: { type: "string" },
    root: { type: "string" },
  },
});
const storage =
  values.root === undefined
    ? []
    : ["--root", join(values.root, "storage"), "--runroot", join(values.root, "run"), "--storage-driver", "vfs"];
// Without a daemon and without rights over the machine's namespaces.
const isolation = ["--isolation", "chroot"];

await runMain(async () => {
  const scratch = mkdtempSync(join(tmpdir(), "veil-image-"));
  try {
    const bases = values.debootstrap === undefined ? [] : await makeBases(values.debootstrap, scratch);
    const secrets = [
      { id: "npmrc", file: join(homedir(), ".npmrc") },
      { id: "ca", file: process.env.NODE_EXTRA_CA_CERTS ?? "/etc/ssl/certs/ca-certificates.crt" },
    ];
    const secret = secrets.flatMap(({ id, file }) => (existsSync(file) ? ["--secret", `id=${id},src=${file}`] : []));
    await step(`Building ${values.tag}`, () =>
      // The docker format, because the OCI one has no health check.
      buildah(
        "build",
        ...isolation,
        "--format",
        "docker",
        "--network",
        "host",
        "--layers=false",
        ...secret,
        ...bases.flatMap((base) => ["--build-arg", base]),
        "--ignorefile",
        "deploy/Dockerfile.dockerignore",
        "--file",
        "deploy/Dockerfile",
        "--tag",
        values.tag,
        ".",
      ),
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});

/** @param {string[]} args */
async function buildah(...args) {
  const { code, output } = await run("buildah", [...storage, ...args], { cwd: root });
  if (code !== 0)
    throw new BootstrapError(`buildah ${args[0]} failed:\n${output.trim().split("\n").slice(-40).join("\n")}`);
  return output.trim();
}

/**
 * What debian:SUITE-slim and node:24-SUITE-slim are elsewhere.
 * @param {string} suite @param {string} scratch
 */
async function makeBases(suite, scratch) {
  const names = ["BASE_IMAGE=localhost/veil-debian", "NODE_IMAGE=localhost/veil-node"];
  if ((await buildah("images", "--format", "{{.Name}}")).includes("localhost/veil-node")) return names;
  const debian = join(scratch, "debian");
  await step(`Debian ${suite} from its packages`, async () => {
    const { code, output } = await run(
      "debootstrap",
      ["--variant=minbase", suite, debian, "http://deb.debian.org/debian"],
      {},
    );
    if (code !== 0) throw new BootstrapError(`debootstrap failed:\n${output.trim().split("\n").slice(-20).join("\n")}`);
    slim(debian);
  });
  await step("Base images", async () => {
    await commit("localhost/veil-debian", [debian, "/"]);
    const node = join(scratch, "node");
    layNode(node);
    await commit("localhost/veil-node", [debian, "/"], [node, "/usr/local"]);
  });
  return names;
}

/** As Debian's slim images: no documentation, manuals or translations, no lists and caches. @param {string} debian */
function slim(debian) {
  writeFileSync(
    join(debian, "etc/dpkg/dpkg.cfg.d/docker"),
    [
      "path-exclude /usr/share/doc/*",
      "path-include /usr/share/doc/*/copyright",
      "path-exclude /usr/share/man/*",
      "path-exclude /usr/share/locale/*",
      "path-exclude /usr/share/info/*",
      "",
    ].join("\n"),
  );
  for (const place of ["usr/share/man", "usr/share/locale", "usr/share/info", "var/cache/apt", "var/lib/apt/lists"]) {
    const folder = join(debian, place);
    if (existsSync(folder)) for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  }
  const docs = join(debian, "usr/share/doc");
  for (const entry of readdirSync(docs, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name !== "copyright") rmSync(join(entry.parentPath, entry.name), { force: true });
  }
}

/** Node and npm, as in /usr/local. @param {string} folder */
function layNode(folder) {
  const npm = findNpm();
  if (npm === undefined) throw new BootstrapError("npm was not found.");
  mkdirSync(join(folder, "bin"), { recursive: true });
  copyFileSync(process.execPath, join(folder, "bin/node"));
  chmodSync(join(folder, "bin/node"), 0o755);
  const licence = join(dirname(dirname(process.execPath)), "LICENSE");
  if (existsSync(licence)) copyFileSync(licence, join(folder, "LICENSE"));
  cpSync(dirname(dirname(realpathSync(npm))), join(folder, "lib/node_modules/npm"), {
    recursive: true,
    dereference: true,
  });
  writeFileSync(join(folder, "bin/npm"), '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n', {
    mode: 0o755,
  });
}

/** @param {string} name @param {...readonly [from: string, to: string]} layers */
async function commit(name, ...layers) {
  const container = (await buildah("from", "scratch")).split("\n").at(-1) ?? "";
  try {
    for (const [from, to] of layers) await buildah("add", "--quiet", container, from, to);
    await buildah("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container);
    await buildah("commit", "--quiet", container, name);
  } finally {
    await buildah("rm", container);
  }
}
