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
    if (!(await ledger.isCurrent(job))) return;
    const isThere = (await source.head(input.key))?.version === input.version;
    const target = storeOf(output.store);
    const there = await target.head(output.key);
    const isGiven = there !== undefined && (await digestOf(target, output.key, there.version)) === given.sha256;
    if (!isThere) {
      // It is gone, or lies aside since a removal died, which comes after all else: that goes on.
      const isKept = async () => originals.become === "delete" || (await isCopied(storeOf(originals.to), job, taken));
      return isGiven && (await isKept()) ? await removeOriginal(source, job) : undefined;
    }
    if (!isGiven) {
      throw new Problem("store-unavailable", `${output.store}/${output.key} is not what was delivered there`, {
        remedy: "The original stays where it is. Check what happened to the output.",
      });
    }
    if (originals.become === "move") {
      await copyOriginal(source, storeOf(originals.to), job, taken);
      reached("original-copied", job.id);
    }
    await removeOriginal(source, job);
  });
}

async function removeOriginal(source: Store, { input }: Job): Promise<void> {
  await source.remove(input.key, { ifMatch: input.version }).catch((error: unknown) => {
    // A newer one has come, which nobody has masked yet.
    if (!(error instanceof Problem) || error.code !== "changed-while-reading") throw error;
  });
}

type Taken = NonNullable<EventDetail["input"]>;

async function isCopied(to: Store, { input }: Job, taken: Taken): Promise<boolean> {
  for (const name of namesOf(input.key, taken)) if ((await stillThere(to, name, taken)) !== undefined) return true;
  return false;
}

async function copyOriginal(source: Store, to: Store, { input }: Job, taken: Taken): Promise<void> {
  const { key, version } = input;
  for (const name of namesOf(key, taken)) {
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

/** A second original of the same name gets one of its own. */
function namesOf(key: string, { sha256 }: Taken): readonly string[] {
  const [, start = key, extension = ""] = /^(.*[^/])(\.[^./]+)$/s.exec(key) ?? [];
  return [key, `${start}~${sha256.slice(0, 12)}${extension}`];
}
