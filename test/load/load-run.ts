import { readFile } from "node:fs/promises";
import { form } from "../http/client.ts";

/** What came of a load. */
export interface LoadResult {
  /** Answers by status; -1: none came. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Of refusals, those that did not say when to come again. */
  readonly silentRefusals: number;
  /** Pictures a second that were answered masked. */
  readonly goodput: number;
  /** Of masked answers, milliseconds from the first byte sent to the last received, sorted. */
  readonly latencies: readonly number[];
}

export interface Load {
  readonly address: string;
  readonly clients: number;
  readonly seconds: number;
  readonly picture: Buffer;
}

/**
 * Clients that each send a picture, wait for its answer and send the next, as long as it lasts; whoever is refused comes
 * again when it was told to. What was sent is waited for.
 */
export async function runLoad({ address, clients, seconds, picture }: Load): Promise<LoadResult> {
  const statuses = new Map<number, number>();
  const latencies: number[] = [];
  let silentRefusals = 0;
  const began = performance.now();
  const end = began + seconds * 1000;
  const client = async () => {
    while (performance.now() < end) {
      const sent = performance.now();
      const status = await send();
      statuses.set(status.code, (statuses.get(status.code) ?? 0) + 1);
      if (status.code === 200) latencies.push(performance.now() - sent);
      else if (status.retryAfter === 0) silentRefusals += 1;
      if (status.retryAfter > 0) await new Promise((resolve) => setTimeout(resolve, status.retryAfter * 1000));
    }
  };
  async function send(): Promise<{ code: number; retryAfter: number }> {
    try {
      const answer = await fetch(`${address}/api/v1/anonymize`, { method: "POST", body: form("image", [picture]) });
      await answer.arrayBuffer();
      return { code: answer.status, retryAfter: Number(answer.headers.get("retry-after") ?? 0) };
    } catch {
      return { code: -1, retryAfter: 0 };
    }
  }
  await Promise.all(Array.from({ length: clients }, client));
  const took = (performance.now() - began) / 1000;
  return { statuses, silentRefusals, goodput: latencies.length / took, latencies: latencies.sort((a, b) => a - b) };
}

/** The share's place among sorted values. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Resident memory of a process and all that it started, in MiB. */
export async function residentMiB(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const own = /^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8").catch(() => ""))?.[1];
  const rest = await Promise.all(
    children
      .split(" ")
      .filter(Boolean)
      .map((child) => residentMiB(Number(child))),
  );
  return Number(own ?? 0) / 1024 + rest.reduce((sum, one) => sum + one, 0);
}
