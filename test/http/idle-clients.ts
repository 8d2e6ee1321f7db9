import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { until } from "../e2e/program.ts";
import { assertMaskedAnswer, type Client, portraitJpeg } from "./client.ts";

export interface IdleClients extends AsyncDisposable {
  /** How many connections were made, and how many of them the other side closed, as last heard. */
  counts(): { readonly open: number; readonly closed: number };
}

/** Connections of a process of its own that say nothing; resolves when each was made or refused. */
export async function openIdleClients(address: string, count: number): Promise<IdleClients> {
  const program = new URL("./idle-clients.mjs", import.meta.url).pathname;
  const child: ChildProcess = fork(program, [new URL(address).port, String(count)], { execArgv: [] });
  let counts = { open: 0, closed: 0 };
  child.on("message", (told) => {
    counts = told as typeof counts;
  });
  await once(child, "message");
  return {
    counts: () => counts,
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    },
  };
}

/** Resident size of the service itself, MiB. */
export async function residentMiB(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}

/** That veil answers and masks as quickly, and holds hardly more memory, while so many connections say nothing. */
export async function assertGoesOnBeside(veil: Client, count: number): Promise<string> {
  const portrait = await portraitJpeg();
  await assertMaskedAnswer(veil, portrait);
  const before = await residentMiB(veil.pid);
  const took: number[] = [];
  let grown = 0;
  {
    await using idle = await openIdleClients(veil.address, count);
    assert.deepEqual(idle.counts(), { open: count, closed: 0 });
    for (let i = 0; i < 20; i++) {
      const began = performance.now();
      assert.equal((await veil.get("/healthz")).status, 200);
      took.push(performance.now() - began);
    }
    await assertMaskedAnswer(veil, portrait);
    grown = (await residentMiB(veil.pid)) - before;
    assert.deepEqual(idle.counts(), { open: count, closed: 0 });
  }
  const slowest = Math.max(...took);
  assert.ok(slowest < 1000, `an answer took ${slowest.toFixed(0)} ms`);
  assert.ok(grown < 60 + count * 0.02, `it holds ${grown.toFixed(0)} MiB more`);
  await until("it answers on", async () => (await veil.get("/readyz")).status === 200);
  return `${count} idle connections: ${grown.toFixed(0)} MiB more, slowest answer ${slowest.toFixed(0)} ms`;
}
