import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { lanes } from "../../src/core/job.ts";
import { toProblem } from "../../src/errors.ts";
import type { Queue } from "../../src/queues/queue.ts";
import { makeJobs } from "./jobs.ts";

/**
 * What a process of its own does for the durable queue suite: with a prefetch it holds so many jobs, tells when it has
 * them, and tells when it loses one; with none it publishes 50 jobs and tells their ids.
 */
export async function holdJobs(queue: Queue, prefetch: number): Promise<void> {
  const [, bulk] = lanes;
  const signal = new AbortController().signal;
  if (prefetch === 0) {
    const jobs = makeJobs(50, "survivor");
    await queue.publish(jobs, bulk);
    process.send?.({ published: jobs.map(({ id }) => id) });
    await once(process, "never");
  }
  let held = 0;
  for await (const delivery of queue.consume({ lane: bulk, prefetch, signal })) {
    held += 1;
    delivery.signal.addEventListener("abort", async () => {
      const ack = await delivery.ack().then(
        () => "done",
        (error) => toProblem(error).code,
      );
      process.send?.({ aborted: true, ack });
    });
    if (held === prefetch) process.send?.({ held });
  }
}

/** Starts a file that calls `holdJobs` as a process of its own; one of `closers` kills it. */
export function startHolder(
  file: string,
  args: readonly string[],
  closers: { push(close: () => Promise<unknown>): void },
): ChildProcess {
  const holder = fork(file, args);
  closers.push(async () => {
    if (holder.exitCode !== null || holder.signalCode !== null) return;
    holder.kill("SIGKILL");
    await once(holder, "exit");
  });
  return holder;
}
