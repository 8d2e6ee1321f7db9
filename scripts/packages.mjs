import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { step } from "./report.mjs";
import { run } from "./run.mjs";

/** Debian packages that some tests need: those tests say `not run` where the command is absent. */
const needed = [
  { command: "chromium", package: "chromium", why: "the browser test of the page" },
  { command: "heif-enc", package: "libheif-examples", why: "HEIC pictures" },
  { command: "cjpeg", package: "libjpeg-turbo-progs", why: "rare kinds of JPEG" },
  { command: "smbd", package: "samba", why: "a file server's share" },
  { command: "rclone", package: "rclone", why: "a file server's share, mounted" },
  { command: "fusermount3", package: "fuse3", why: "a file server's share, mounted" },
];

/** Installs what is missing where it may (root, with apt-get), and otherwise names it in one line. */
export async function ensurePackages() {
  const missing = needed.filter(({ command }) => !isOnPath(command));
  if (missing.length === 0) return;
  const names = missing.map((row) => row.package);
  if (process.getuid?.() === 0 && isOnPath("apt-get")) {
    await step(`Installing Debian packages for tests: ${names.join(", ")}`, async () => {
      for (const name of names) if (!(await apt("install", name))) await refreshAndInstall(name);
    });
  }
  const absent = missing.filter(({ command }) => !isOnPath(command));
  if (absent.length === 0) return;
  const reasons = absent.map((row) => `${row.package} (${row.why})`).join(", ");
  const command = `apt-get install ${absent.map((row) => row.package).join(" ")}`;
  process.stderr.write(`Without these Debian packages some tests are not run: ${reasons}. To have them: ${command}\n`);
}

/** @param {string} name */
async function refreshAndInstall(name) {
  await apt("update");
  await apt("install", name);
}

/** @param {string[]} args */
async function apt(...args) {
  const quiet = ["-qq", "-y", "--no-install-recommends", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return (await run("apt-get", [...quiet, ...args], { env })).code === 0;
}

/** @param {string} command */
function isOnPath(command) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, command)));
}
