import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { step } from "./report.mjs";
import { run } from "./run.mjs";

/** Debian packages that some tests need: those tests say `not run` where the command, or the file, is absent. */
const needed = [
  { command: "chromium", package: "chromium", why: "the browser test of the page" },
  { command: "bwrap", package: "bubblewrap", why: "the sandbox of engine processes" },
  { command: "heif-enc", package: "libheif-examples", why: "HEIC pictures" },
  { command: "gcc", package: "gcc", why: "a Kafka server for tests" },
  { file: "/usr/include/librdkafka/rdkafka_mock.h", package: "librdkafka-dev", why: "a Kafka server for tests" },
  { command: "cjpeg", package: "libjpeg-turbo-progs", why: "rare kinds of JPEG" },
  { command: "rabbitmqctl", package: "rabbitmq-server", why: "the queue over RabbitMQ" },
  { command: "openssl", package: "openssl", why: "certificates for servers under test" },
  { command: "redis-server", package: "redis-server", why: "the cache in Redis" },
  { file: "/usr/share/postgresql-common", package: "postgresql", why: "the ledger in PostgreSQL" },
  { command: "smbd", package: "samba", why: "a file server's share" },
  { command: "rclone", package: "rclone", why: "a file server's share, mounted" },
  { command: "ceph-mon", package: "ceph-mon", why: "an object store by S3 and Swift" },
  { command: "ceph-osd", package: "ceph-osd", why: "an object store by S3 and Swift" },
  { command: "radosgw", package: "radosgw", why: "an object store by S3 and Swift" },
  { command: "ceph", package: "ceph-common", why: "an object store by S3 and Swift" },
  { command: "apache2", package: "apache2-bin", why: "a WebDAV server" },
  { command: "sshd", package: "openssh-server", why: "a store over SFTP" },
  { command: "vsftpd", package: "vsftpd", why: "a store over FTP" },
  { file: "/usr/lib/python3/dist-packages/pyftpdlib", package: "python3-pyftpdlib", why: "a store over FTP" },
  { command: "promtool", package: "prometheus", why: "the alert rules" },
  { command: "buildah", package: "buildah", why: "the container image", long: true },
  { command: "debootstrap", package: "debootstrap", why: "the container image", long: true },
  { command: "runc", package: "runc", why: "the container image", long: true },
  { command: "fusermount3", package: "fuse3", why: "a file server's share, mounted" },
  { command: "ip", package: "iproute2", why: "a network of the tests' own, which nobody leaves" },
];

/**
 * Installs what is missing where it may (root, with apt-get), and otherwise names it in one line.
 * @param {{ long?: boolean }} [options] `long`: what the long tests alone need, too
 */
export async function ensurePackages({ long = false } = {}) {
  const missing = needed.filter((row) => (long || !("long" in row)) && !isHere(row));
  if (missing.length === 0) return;
  const names = missing.map((row) => row.package);
  if (process.getuid?.() === 0 && isOnPath("apt-get")) {
    await step(`Installing Debian packages for tests: ${names.join(", ")}`, async () => {
      for (const name of names) if (!(await apt("install", name))) await refreshAndInstall(name);
    });
  }
  const absent = missing.filter((row) => !isHere(row));
  if (absent.length === 0) return;
  const reasons = absent.map((row) => `${row.package} (${row.why})`).join(", ");
  const command = `apt-get install ${absent.map((row) => row.package).join(" ")}`;
  process.stderr.write(`Without these Debian packages some tests are not run: ${reasons}. To have them: ${command}\n`);
}

/** Whether this machine can build a container image out of Debian's packages. */
export function canBuildImages() {
  return process.getuid?.() === 0 && ["buildah", "debootstrap", "runc"].every(isOnPath);
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

/** @param {{ command?: string, file?: string }} row */
function isHere({ command, file }) {
  return file === undefined ? isOnPath(command ?? "") : existsSync(file);
}

/** @param {string} command */
function isOnPath(command) {
  // Servers lie in a folder that is on root's path alone.
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"];
  return folders.some((folder) => existsSync(join(folder, command)));
}
