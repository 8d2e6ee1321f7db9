import type { ChildProcess } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Limits } from "../core/media.ts";
import { Problem, problems } from "../errors.ts";
import { checkedAnswer, UntrueAnswer } from "./answers.ts";
import { type EngineFolder, makeEngineFolder } from "./engine-folder.ts";
import { borrowOwner } from "./engine-owner.ts";
import type { EngineAnswers, EngineReply, EngineRequest, EngineVerb } from "./protocol.ts";
import { removedBytes } from "./removed-files.ts";
import { residentBytes } from "./resident.ts";
import { type Sandbox, spawnInside } from "./sandbox.ts";

export interface EngineChildOptions {
  /** Resident size, with all that it started, above which the process is killed, bytes. */
  readonly maxResidentBytes: number;
  /** On the disk, above which it is killed too, bytes. */
  readonly maxWrittenBytes: number;
  /** Within which its answers are believed. */
  readonly limits: Limits;
  /** What the process is shut into. */
  readonly sandbox: Sandbox;
  /** Owner-only folder in which the process gets one of its own. */
  readonly spool: string;
}

/** The service's side of one engine process. One request at a time; after a failure of the process it is dead. */
export interface EngineChild {
  readonly alive: boolean;
  /** Where pictures are handed over. */
  readonly folder: EngineFolder;
  /** Whether it ever said anything, and so runs. */
  readonly hasAnswered: boolean;
  /** Of a stopped process that never answered the first line that it wrote: what its sandbox says of itself. */
  lastWords(): Promise<string | undefined>;
  /** Rejects with timeout, out-of-memory, crashed or what the process answered; the first three, and an answer that none gives, kill it. */
  request<V extends EngineVerb>(
    request: EngineRequest & { verb: V },
    options: { deadlineMs: number; signal?: AbortSignal },
  ): Promise<EngineAnswers[V]>;
  /** Resident size in bytes, with all that it started; 0 where the system does not tell. */
  residentBytes(): number;
  /** Kills the process with all that it started, waits until it is gone, and removes its folder. */
  stop(): Promise<void>;
}

const memoryPollMs = 100;
const diskPollMs = 500;
const longestDetail = 1000;
/**
 * A small young generation lets go of pixel buffers soon after their picture, so that malloc gives the next one the same
 * memory; and where every core runs an engine process of its own, threads that help the collector only wait for one another.
 */
const frugalCollector = ["--max-semi-space-size=4", "--single-threaded-gc"] as const;
const entry = fileURLToPath(new URL("./engine-process.ts", import.meta.url));

/** Starts a process of its own for native code, in its own process group, with an almost empty environment. */
export function startEngineChild(options: EngineChildOptions): EngineChild {
  const { maxResidentBytes, maxWrittenBytes, limits, sandbox, spool } = options;
  const { PATH } = process.env;
  const compiled = getCompileCacheDir();
  using undo = new DisposableStack();
  const owner = sandbox.hasOwner ? undo.use(borrowOwner()) : undefined;
  const folder = makeEngineFolder(spool, owner);
  undo.defer(() => void folder.remove());
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", ...frugalCollector, entry];
  const watched = sandbox.endsWithParent ? [] : [String(process.pid)];
  // Names of pictures are looked for in its folder: the way to it may be closed to the process's user.
  const child = spawnInside(sandbox, { folder: folder.path, owner }, [...node, ...watched], {
    serialization: "advanced",
    // Its own group: Ctrl-C in a terminal reaches the service alone, and a kill reaches decoders that it started.
    detached: true,
    env: {
      PATH,
      // What native code puts aside is removed with the picture.
      TMPDIR: "out",
      // The system's own is out of reach in some sandboxes, and Node starts with none or one that it can read.
      OPENSSL_CONF: "/dev/null",
      // Two arenas keep glibc from hoarding freed pixel buffers per thread.
      MALLOC_ARENA_MAX: "2",
      // Node names the folder for its own version; the variable wants the one above it.
      ...(compiled !== undefined && { NODE_COMPILE_CACHE: dirname(compiled) }),
    },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  undo.move();
  const words = firstWords(child);
  let alive = true;
  let pending: { resolve(value: unknown): void; reject(problem: Problem): void } | undefined;
  const exited = new Promise<void>((resolve) => {
    child.on("error", (error) => {
      end(new Problem("crashed", "The engine process could not be started", { cause: error }));
      if (child.pid === undefined) {
        owner?.[Symbol.dispose]();
        resolve();
      }
    });
    child.once("exit", (code, signal) => {
      end(new Problem("crashed", `The engine process died (${signal ?? `exit code ${code}`})`));
      // A decoder that it had started does not die with it.
      killGroup(child);
      owner?.[Symbol.dispose]();
      resolve();
    });
  });

  function end(problem: Problem): void {
    alive = false;
    pending?.reject(problem);
  }

  function fail(problem: Problem): void {
    end(problem);
    killGroup(child);
  }

  // Also between two pictures: one that was broken into by the last could fill the disk.
  const disk = setInterval(() => {
    if (!alive || folder.written() + removedBytes(child.pid!) <= maxWrittenBytes) return;
    const limit = Math.round(maxWrittenBytes / 2 ** 20);
    fail(new Problem("crashed", `The engine process left more in its folder than pictures take (${limit} MiB)`));
  }, diskPollMs).unref();
  child.once("close", () => clearInterval(disk));

  const resident = () => (child.pid === undefined ? 0 : residentBytes(child.pid));

  child.on("message", (reply: EngineReply) => {
    // From now on it may hold somebody's picture, and what it writes is nobody's business.
    words.forget();
    if (reply.ok) pending?.resolve(reply.value);
    else pending?.reject(refusalOf(reply));
  });

  return {
    get alive() {
      return alive;
    },
    folder,
    get hasAnswered() {
      return words.forgotten();
    },
    lastWords: words.line,
    async request(request, { deadlineMs, signal }) {
      signal?.throwIfAborted();
      if (!alive) throw new Problem("crashed", "The engine process is gone");
      if (pending !== undefined) throw new Problem("internal", "Expected one engine request at a time");
      const deadline = setTimeout(() => {
        fail(
          new Problem("timeout", `Expected ${request.verb} to end within ${deadlineMs} ms`, {
            remedy: "Raise engine.deadlineMs.",
          }),
        );
      }, deadlineMs);
      const memory = setInterval(() => {
        if (resident() <= maxResidentBytes) return;
        const limit = Math.round(maxResidentBytes / 2 ** 20);
        fail(
          new Problem("out-of-memory", `Expected ${request.verb} to use at most ${limit} MiB`, {
            remedy: "Raise engine.memoryMb.",
          }),
        );
      }, memoryPollMs);
      const abort = () => fail(new Problem("shutting-down", `${request.verb} was given up`, { cause: signal?.reason }));
      signal?.addEventListener("abort", abort, { once: true });
      try {
        const value = await new Promise<unknown>((resolve, reject) => {
          pending = { resolve, reject };
          child.send(request, (error) => {
            if (error) fail(new Problem("crashed", "The engine process does not listen", { cause: error }));
          });
        });
        return checkedAnswer(request.verb, value, limits);
      } catch (error) {
        // One that says what none says holds nothing any more that is believed.
        if (error instanceof UntrueAnswer) fail(error);
        throw error;
      } finally {
        pending = undefined;
        clearTimeout(deadline);
        clearInterval(memory);
        signal?.removeEventListener("abort", abort);
      }
    },
    residentBytes: resident,
    async stop() {
      alive = false;
      if (child.exitCode === null && child.signalCode === null) killGroup(child);
      await exited;
      await folder.remove();
    },
  };
}

/** A process that was broken into may say anything: of its words a Problem of the table is made, or none. */
function refusalOf({ code, detail, remedy }: Extract<EngineReply, { ok: false }>): Problem {
  const known = Object.hasOwn(problems, code) ? code : "internal";
  return new Problem(known, String(detail).slice(0, longestDetail), {
    ...(remedy !== undefined && { remedy: String(remedy).slice(0, longestDetail) }),
  });
}

/** What a process writes before it first answers; it is read and dropped after that. */
function firstWords(child: ChildProcess) {
  let said: string | undefined = "";
  const whole = new Promise((resolve) => child.once("close", resolve));
  child.stderr?.on("data", (chunk: Buffer) => {
    if (said !== undefined && said.length < 1000) said += chunk.toString("latin1");
  });
  return {
    async line() {
      await whole;
      const [first = ""] = (said ?? "").trim().split("\n");
      return first.replace(/[^\x20-\x7e]/g, "?").slice(0, 200) || undefined;
    },
    forget: () => {
      said = undefined;
    },
    forgotten: () => said === undefined,
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    // ESRCH: it is gone already, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") child.kill("SIGKILL");
  }
}
