import { execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// node scripts/alone.mjs COMMAND …, in a network namespace of its own with loopback alone: runs the command, and fails
// where something in it wanted to reach anybody else. `unshare` makes the namespace (scripts/test.mjs).
const [program = "", ...args] = process.argv.slice(2);

// A browser looks at its start whether there is a way by IPv6; this answers without being counted.
const browserProbe = "2001:4860:4860::8888/128";
// Names that nobody can have (RFC 6761): tests ask for them to be told so. Servers ask what this machine's own address is called.
const reserved = /\.(invalid|example|test)$|^1\.2\.0\.192\.in-addr\.arpa$/;
// What Debian's Chromium asks for by itself, whatever page is open.
const browserNames = /(^|\.)(google|googleapis|gstatic|gvt1)\.com$|^wpad(\.|$)/;

// An address that counts as another machine's (RFC 5737), for what treats those otherwise than loopback.
const another = "192.0.2.1/32";

execFileSync("ip", ["link", "set", "lo", "up"]);
execFileSync("ip", ["address", "add", another, "dev", "lo"]);
if (existsSync("/proc/net/if_inet6")) execFileSync("ip", ["-6", "route", "add", "prohibit", browserProbe, "dev", "lo"]);

/** @type {Map<string, number>} */
const asked = new Map();
const names = createSocket("udp4");
names.on("message", (message, { port, address }) => {
  const name = nameIn(message);
  asked.set(name, (asked.get(name) ?? 0) + 1);
  const answer = Buffer.from(message);
  // A response, no such name.
  answer[2] = (answer[2] ?? 0) | 0x80;
  answer[3] = 0x83;
  names.send(answer, port, address);
});
names.bind(53, "127.0.0.1");
await once(names, "listening");
const resolvers = join(mkdtempSync(join(tmpdir(), "veil-alone-")), "resolv.conf");
writeFileSync(resolvers, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
execFileSync("mount", ["--bind", resolvers, "/etc/resolv.conf"]);

const before = withoutRoute();
const child = spawn(program, args, { stdio: "inherit" });
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => child.kill(signal));
const [code] = await once(child, "exit");
names.close();

const packets = withoutRoute() - before;
const strange = [...asked].filter(([name]) => !browserNames.test(name) && !reserved.test(name));
if (packets > 0) process.stderr.write(`✖ something wanted to reach another machine ${packets} times\n`);
for (const [name, times] of strange) process.stderr.write(`✖ somebody asked ${times} times where ${name} is\n`);
if (packets === 0 && strange.length === 0) process.stderr.write("✔ nothing wanted to leave this machine\n");
process.exitCode = code ?? 1;
if (packets > 0 || strange.length > 0) process.exitCode = 1;

/** How often a packet, or a connection, was refused because there is no way to where it was for. */
function withoutRoute() {
  const [heads = "", values = ""] = readFileSync("/proc/net/snmp", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("Ip:"));
  const at = heads.split(" ").indexOf("OutNoRoutes");
  const six = /Ip6OutNoRoutes\s+(\d+)/.exec(readFileSync("/proc/net/snmp6", "utf8"))?.[1];
  return Number(values.split(" ")[at]) + Number(six ?? 0);
}

/** @param {Buffer} message a question of DNS (RFC 1035, 4.1) */
function nameIn(message) {
  /** @type {string[]} */
  const labels = [];
  for (let at = 12, length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  return labels.join(".").toLowerCase();
}
