import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import type { Isolation } from "../../src/core/isolation.ts";
import { callFilter } from "../../src/engine/call-filter.ts";
import { programPath } from "../../src/engine/program-path.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { runInside, without } from "./sandboxed.ts";

const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());

interface Call {
  readonly arch: number;
  readonly number: number;
  readonly first?: number;
}

/** What the kernel would do with a call: it runs a filter as this does, linux/filter.h. */
function decide(filter: Buffer, { arch, number, first = 0 }: Call): number {
  const fields = new Map([
    [0, number],
    [4, arch],
    [16, first],
  ]);
  const holds = (code: number, value: number, k: number) =>
    code === 0x15 ? value === k : code === 0x35 ? value >= k : (value & k) !== 0;
  let value = 0;
  for (let at = 0; ; at++) {
    const step = filter.subarray(8 * at, 8 * at + 8);
    const [code, k] = [step.readUInt16LE(0), step.readUInt32LE(4)];
    if (code === 0x06) return k;
    if (code === 0x20) value = fields.get(k)!;
    else at += step[holds(code, value, k) ? 2 : 3]!;
  }
}

describe("the filter of the kernel's calls", () => {
  const [allow, kill] = [0x7fff_0000, 0x8000_0000];
  const fail = (errno: number) => 0x0005_0000 | errno;
  const machines = {
    x64: { arch: 0xc000_003e, ptrace: 101, reboot: 169, clone: 56, socket: 41, read: 0, execve: 59, futex: 202 },
    arm64: { arch: 0xc000_00b7, ptrace: 117, reboot: 142, clone: 220, socket: 198, read: 63, execve: 221, futex: 98 },
  };
  for (const [name, { arch, ptrace, reboot, clone, socket, read, execve, futex }] of Object.entries(machines)) {
    test(`lets through what decoders make, and refuses the rest, on ${name}`, () => {
      const filter = callFilter(name)!;
      for (const number of [read, execve, futex]) assert.equal(decide(filter, { arch, number }), allow);
      for (const number of [ptrace, reboot, 425, x32Of(read)])
        assert.equal(decide(filter, { arch, number }), fail(1), String(number));
      assert.equal(decide(filter, { arch, number: 435 }), fail(38));
      // A thread, a process, and one in a namespace of its own for users, or for the network.
      for (const first of [0x3d_0f00, 17]) assert.equal(decide(filter, { arch, number: clone, first }), allow);
      for (const first of [0x1000_0011, 0x4000_0000])
        assert.equal(decide(filter, { arch, number: clone, first }), fail(1));
      assert.equal(decide(filter, { arch, number: socket, first: 1 }), allow);
      for (const first of [2, 10, 16, 38]) assert.equal(decide(filter, { arch, number: socket, first }), fail(97));
      assert.equal(decide(filter, { arch: 0x4000_0003, number: read }), kill, "calls of another architecture");
    });
  }

  test("is not guessed for a machine that is not known", () => {
    assert.equal(callFilter("riscv64"), undefined);
  });
});

function x32Of(number: number): number {
  return 0x4000_0000 | number;
}

describe("the kernel's calls", { skip: programPath("perl") === undefined && "not run: perl is not here" }, () => {
  const arm = process.arch === "arm64";
  /** Each with arguments that an open kernel answers otherwise than by EPERM. */
  const calls: Readonly<Record<string, readonly number[]>> = {
    unshare: [arm ? 97 : 272, 0],
    io_uring_setup: [425, 1, 0],
    ptrace: [arm ? 117 : 101, 0x4206, 2 ** 22],
    keyctl: [arm ? 219 : 250, 0, -1, 0],
    personality: [arm ? 92 : 135, 0xffffffff],
    process_vm_readv: [arm ? 270 : 310, 2 ** 22, 0, 0, 0, 0, 0],
    name_to_handle_at: [arm ? 264 : 303, -1, 0, 0, 0, 0],
    clone: [arm ? 220 : 56, 0x1000_0000 | 0x0200_0000 | 17, 0, 0, 0, 0],
    clone3: [435, 0, 0],
    internet: [arm ? 198 : 41, 2, 1, 0],
    netlink: [arm ? 198 : 41, 16, 3, 0],
    unix: [arm ? 198 : 41, 1, 1, 0],
    getppid: [arm ? 173 : 110],
  };
  const errno = { EPERM: 1, EINVAL: 22, ENOSYS: 38, EAFNOSUPPORT: 97 };

  /** What each answers: 0, or its error's number. A call that forks ends its child. */
  function answersIn(kind: Isolation): Promise<Record<string, number>> {
    const lines = Object.entries(calls).map(
      ([name, [number, ...rest]]) =>
        `$r = syscall(${[number, ...rest].join(", ")}); exit if "${name}" eq "clone" && $r == 0; print "${name} ", ($r == -1 ? $!+0 : 0), "\\n";`,
    );
    return runInside(
      kind,
      folder.path,
      `
      const { stdout } = require("node:child_process").spawnSync("perl", ["-e", ${JSON.stringify(`$| = 1; ${lines.join(" ")}`)}]);
      const answers = String(stdout).trim().split("\\n").map((line) => line.split(" "));
      console.log(JSON.stringify(Object.fromEntries(answers.map(([name, answer]) => [name, Number(answer)]))));
    `,
    );
  }

  test("that no decoder makes are refused under bubblewrap, and the same ones are answered without", {
    skip: without("bubblewrap"),
  }, async () => {
    const { clone3, internet, netlink, unix, getppid, ...refused } = await answersIn("bubblewrap");
    for (const [name, answer] of Object.entries(refused)) assert.equal(answer, errno.EPERM, name);
    assert.deepEqual([clone3, internet, netlink], [errno.ENOSYS, errno.EAFNOSUPPORT, errno.EAFNOSUPPORT]);
    assert.deepEqual([unix, getppid], [0, 0]);
    // Where this process is filtered itself, a container's filter would answer.
    if (!/^Seccomp:\s+0$/m.test(readFileSync("/proc/self/status", "utf8"))) return;
    const open = await answersIn("none");
    for (const name of Object.keys(refused)) assert.notEqual(open[name], errno.EPERM, name);
    assert.deepEqual([open.clone3, open.internet, open.netlink], [errno.EINVAL, 0, 0]);
  });
});
