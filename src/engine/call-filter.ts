/*
 * A program in classic BPF that the kernel asks before each of its calls: seccomp(2), and seccomp_data in
 * linux/seccomp.h for where the fields lie. Little-endian machines alone.
 */

/** Numbers of a call on x64 and arm64, from asm/unistd_64.h and asm-generic/unistd.h. */
type CallNumbers = readonly [x64: number, arm64: number];

/**
 * What nothing that decodes, detects or encodes ever calls, and what broken programs get hold of a kernel by: other
 * processes, namespaces and mounts, keys, programs and modules for the kernel, io_uring, counters, handles of files.
 */
const refused: readonly CallNumbers[] = [
  [101, 117], // ptrace
  [310, 270], // process_vm_readv
  [311, 271], // process_vm_writev
  [312, 272], // kcmp
  [200, 130], // tkill
  [234, 131], // tgkill
  [129, 138], // rt_sigqueueinfo
  [297, 240], // rt_tgsigqueueinfo
  [424, 424], // pidfd_send_signal
  [438, 438], // pidfd_getfd
  [272, 97], // unshare
  [308, 268], // setns
  [161, 51], // chroot
  [155, 41], // pivot_root
  [165, 40], // mount
  [166, 39], // umount2
  [428, 428], // open_tree
  [429, 429], // move_mount
  [430, 430], // fsopen
  [431, 431], // fsconfig
  [432, 432], // fsmount
  [433, 433], // fspick
  [442, 442], // mount_setattr
  [248, 217], // add_key
  [249, 218], // request_key
  [250, 219], // keyctl
  [321, 280], // bpf
  [298, 241], // perf_event_open
  [323, 282], // userfaultfd
  [425, 425], // io_uring_setup
  [426, 426], // io_uring_enter
  [427, 427], // io_uring_register
  [256, 238], // migrate_pages
  [279, 239], // move_pages
  [135, 92], // personality
  [303, 264], // name_to_handle_at
  [304, 265], // open_by_handle_at
  [300, 262], // fanotify_init
  [175, 105], // init_module
  [313, 273], // finit_module
  [176, 106], // delete_module
  [246, 104], // kexec_load
  [320, 294], // kexec_file_load
  [103, 116], // syslog
  [163, 89], // acct
  [179, 60], // quotactl
  [443, 443], // quotactl_fd
  [167, 224], // swapon
  [168, 225], // swapoff
  [169, 142], // reboot
];
/** Memory that counts as no process's own. */
const uncounted: readonly CallNumbers[] = [
  [319, 279], // memfd_create
  [447, 447], // memfd_secret
  [29, 194], // shmget
];
const kill: CallNumbers = [62, 129];
const prlimit: CallNumbers = [302, 261];
const clone: CallNumbers = [56, 220];
const clone3: CallNumbers = [435, 435];
const socket: CallNumbers = [41, 198];

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64, linux/audit.h. */
const architectures: Readonly<Record<string, { readonly index: 0 | 1; readonly audit: number }>> = {
  x64: { index: 0, audit: 0xc000_003e },
  arm64: { index: 1, audit: 0xc000_00b7 },
};
/** Numbers of the x32 ABI begin here: the same calls once more. */
const x32 = 0x4000_0000;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET, linux/sched.h. */
const newNamespaces = 0x7e02_0000;
const unixSockets = 1;

const [load, jumpEqual, jumpNotBelow, jumpSet, give] = [0x20, 0x15, 0x35, 0x45, 0x06];
const at = { number: 0, architecture: 4, firstArgument: 16 } as const;
const allow = 0x7fff_0000;
const killProcess = 0x8000_0000;
const fail = (errno: number) => 0x0005_0000 | errno;
const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97];

const answers = {
  allowed: allow,
  killed: killProcess,
  refused: fail(EPERM),
  unknown: fail(ENOSYS),
  unreachable: fail(EAFNOSUPPORT),
} as const;
/** Where a jump goes: to an answer, or past so many steps. */
type Target = keyof typeof answers | number;
type Step = readonly [code: number, value: number, yes?: Target, no?: Target];

/** The filter for engine processes, as bwrap and setpriv take it; undefined for a machine whose calls are not known here. */
export function callFilter(arch: string = process.arch): Buffer | undefined {
  const known = architectures[arch];
  if (known === undefined) return undefined;
  const of = (numbers: CallNumbers) => numbers[known.index];
  return assemble([
    [load, at.architecture],
    [jumpEqual, known.audit, 0, "killed"],
    [load, at.number],
    [jumpNotBelow, x32, "refused", 0],
    ...[...refused, ...uncounted].map((numbers): Step => [jumpEqual, of(numbers), "refused", 0]),
    // Its flags lie in memory, where no filter may look: the C library falls back on `clone`.
    [jumpEqual, of(clone3), "unknown", 0],
    // Its own group and its own limits alone: others may run as the same user.
    ...where(of(kill), [jumpEqual, 0, "allowed", "refused"]),
    ...where(of(prlimit), [jumpEqual, 0, "allowed", "refused"]),
    ...where(of(clone), [jumpSet, newNamespaces, "refused", "allowed"]),
    ...where(of(socket), [jumpEqual, unixSockets, "allowed", "unreachable"]),
    [give, allow],
  ]);
}

/** What becomes of a call with that number, its first argument decides. */
function where(number: number, decision: Step): readonly Step[] {
  return [[jumpEqual, number, 0, 2], [load, at.firstArgument], decision];
}

/** As struct sock_filter, linux/filter.h: the steps, and after them each answer. */
function assemble(steps: readonly Step[]): Buffer {
  const names = Object.keys(answers);
  const all: readonly Step[] = [...steps, ...Object.values(answers).map((answer): Step => [give, answer])];
  return Buffer.concat(
    all.map(([code, value, yes = 0, no = 0], index) => {
      const [jumpYes, jumpNo] = [yes, no].map((to) =>
        typeof to === "number" ? to : steps.length + names.indexOf(to) - index - 1,
      );
      const bytes = Buffer.alloc(8);
      bytes.writeUInt16LE(code, 0);
      bytes.writeUInt8(jumpYes!, 2);
      bytes.writeUInt8(jumpNo!, 3);
      bytes.writeUInt32LE(value, 4);
      return bytes;
    }),
  );
}
