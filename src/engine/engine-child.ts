import { type ChildProcess, fork } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Problem } from "../errors.ts";
import type { EngineAnswers, EngineReply, EngineRequest, EngineVerb } from "./protocol.ts";
import { residentBytes } from "./resident.ts";

export interface EngineChildOptions {
  /** Resident size, with all that it started, above which the process is killed, bytes. */
  readonly maxResidentBytes: number;
}

/** The service's side of one engine process. One request at a time; after a failure of the process it is dead. */
export interface EngineChild {
  readonly alive: boolean;
  /** Rejects with timeout, out-of-memory, crashed or what the process answered; the first three kill it. */
  request<V extends EngineVerb>(
    request: EngineRequest & { verb: V },
    options: { deadlineMs: number; signal?: AbortSignal },
  ): Promise<EngineAnswers[V]>;
  /** Resident size in bytes, with all that it started; 0 where the system does not tell. */
  residentBytes(): number;
  /** Kills the process with all that it started, and waits until it is gone. */
  stop(): Promise<void>;
}

const memoryPollMs = 100;
/**
 * A small young generation lets go of pixel buffers soon after their picture, so that malloc gives the next one the same
 * memory; and where every core runs an engine process of its own, threads that help the collector only wait for one another.
 */
const frugalCollector = ["--max-semi-space-size=4", "--single-threaded-gc"] as const;
const entry = new URL("./engine-process.ts", import.meta.url);

/** Starts a process of its own for native code, in its own process group, with an almost empty environment. */
export function startEngineChild({ maxResidentBytes }: EngineChildOptions): EngineChild {
  const { PATH } = process.env;
  const compiled = getCompileCacheDir();
  const child = fork(entry, [String(process.pid)], {
    serialization: "advanced",
    // Its own group: Ctrl-C in a terminal reaches the service alone, and a kill reaches decoders that it started.
    detached: true,
    execArgv: ["--disable-warning=ExperimentalWarning", ...frugalCollector],
    // Two arenas keep glibc from hoarding freed pixel buffers per thread.
    // Node names the folder for its own version; the variable wants the one above it.
    env: { PATH, MALLOC_ARENA_MAX: "2", ...(compiled !== undefined && { NODE_COMPILE_CACHE: dirname(compiled) }) },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  let alive = true;
  let pending: { resolve(value: never): void; reject(problem: Problem): void } | undefined;
  const exited = new Promise<void>((resolve) => {
    child.on("error", (error) => {
      end(new Problem("crashed", "The engine process could not be started", { cause: error }));
      if (child.pid === undefined) resolve();
    });
    child.once("exit", (code, signal) => {
      end(new Problem("crashed", `The engine process died (${signal ?? `exit code ${code}`})`));
      // A decoder that it had started does not die with it.
      killGroup(child);
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

  const resident = () => (child.pid === undefined ? 0 : residentBytes(child.pid));

  child.on("message", (reply: EngineReply) => {
    if (reply.ok) pending?.resolve(reply.value as never);
    else
      pending?.reject(
        new Problem(reply.code, reply.detail, reply.remedy === undefined ? {} : { remedy: reply.remedy }),
      );
  });

  return {
    get alive() {
      return alive;
    },
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
        return await new Promise((resolve, reject) => {
          pending = { resolve, reject };
          child.send(request, (error) => {
            if (error) fail(new Problem("crashed", "The engine process does not listen", { cause: error }));
          });
        });
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
    },
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
