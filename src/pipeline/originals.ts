import type { Job } from "../core/job.ts";
import { Problem } from "../errors.ts";
import type { EventDetail } from "../ledger/ledger.ts";
import { reached } from "../points.ts";
import type { Store } from "../stores/store.ts";
import type { DeliverParts } from "./deliver.ts";
import { digestOf, stillThere } from "./delivered.ts";
import type { Route } from "./route.ts";

/**
 * Moves or deletes the original of a finished job, as its route says: only the very version that was masked, and only
 * once every byte of the output was read back and is what was delivered.
 */
export async function settleOriginal(
  { ledger, puts, storeOf }: Pick<DeliverParts, "ledger" | "puts" | "storeOf">,
  { originals }: Pick<Route, "originals">,
  job: Job,
  { input: taken, output: given }: Pick<EventDetail, "input" | "output">,
): Promise<void> {
  if (originals === undefined || taken === undefined || given === undefined) return;
  const { input, output } = job;
  await puts.run(`${output.store}/${output.key}`, async () => {
    const source = storeOf(input.store);
    const isThere = async () => (await source.head(input.key))?.version === input.version;
    if (!(await ledger.isCurrent(job)) || !(await isThere())) return;
    const target = storeOf(output.store);
    const there = await target.head(output.key);
    if (there === undefined || (await digestOf(target, output.key, there.version)) !== given.sha256) {
      throw new Problem("store-unavailable", `${output.store}/${output.key} is not what was delivered there`, {
        remedy: "The original stays where it is. Check what happened to the output.",
      });
    }
    if (originals.become === "move") {
      await copyOriginal(source, storeOf(originals.to), job, taken);
      reached("original-copied", job.id);
    }
    await source.remove(input.key, { ifMatch: input.version }).catch((error: unknown) => {
      // A newer one has come, which nobody has masked yet.
      if (!(error instanceof Problem) || error.code !== "changed-while-reading") throw error;
    });
  });
}

async function copyOriginal(
  source: Store,
  to: Store,
  { input }: Job,
  taken: { readonly size: number; readonly sha256: string },
): Promise<void> {
  const { key, version } = input;
  // A second original of the same name gets one of its own.
  const names = [key, withMark(key, taken.sha256.slice(0, 12))];
  for (const name of names) {
    if ((await stillThere(to, name, taken)) !== undefined) return;
    if ((await to.head(name)) !== undefined) continue;
    const { info, stream } = await source.get(key, { version });
    const attributes = { modifiedAt: info.modifiedAt };
    const written = await to.put(name, stream, {
      contentType: "application/octet-stream",
      ifNoneMatch: "*",
      attributes,
    });
    if ((await digestOf(to, name, written.version)) === taken.sha256) return;
    await to.remove(name);
    throw new Problem("store-unavailable", `${name} did not arrive whole in ${to.name}`, {
      remedy: "The original stays where it is. Check the folder that originals are moved to.",
    });
  }
  throw new Problem("already-exists", `Something else lies at ${key} in ${to.name}`, {
    remedy: "Move it away; the original stays where it is.",
  });
}

function withMark(key: string, mark: string): string {
  const [, start = key, extension = ""] = /^(.*[^/])(\.[^./]+)$/s.exec(key) ?? [];
  return `${start}~${mark}${extension}`;
}
