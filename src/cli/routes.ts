import { resolve } from "node:path";
import type { ConfigFlags } from "../config/layers.ts";
import { routesOf } from "../config.ts";
import { confirmRemovals } from "../confirmations.ts";
import { claimDataFolder, lockDataFolder } from "../data-claim.ts";
import { placesIn } from "../data-places.ts";
import { Problem } from "../errors.ts";
import { openMountMemories } from "../stores/fs-mount.ts";
import { configFor } from "./settings.ts";

/** `veil routes confirm ROUTE NUMBER`: Problem invalid-request for a route that there is not, or no number. */
export async function confirmRoute(flags: ConfigFlags, route: string, number: string): Promise<void> {
  const config = configFor(flags);
  const names = [...routesOf(config).keys()];
  if (!names.includes(route)) {
    throw new Problem("invalid-request", `Expected one of ${names.join(", ")} for the route but received ${route}`);
  }
  if (!/^[1-9]\d{0,11}$/.test(number)) {
    throw new Problem("invalid-request", `Expected a whole number for how many may go but received ${number}`);
  }
  await claimDataFolder(config.dataDir);
  await confirmRemovals(placesIn(config.dataDir).confirmed, route, Number(number));
  process.stdout.write(`Up to ${number} masked pictures of ${route} may go with their originals, at its next look.\n`);
}

/** `veil routes moved FOLDER`: what lay on a share is to stay on this disk from now on. */
export async function forgetMount(flags: ConfigFlags, folder: string): Promise<void> {
  const { dataDir } = configFor(flags);
  await claimDataFolder(dataDir);
  using _lock = lockDataFolder(dataDir);
  const root = resolve(folder);
  const memories = openMountMemories(placesIn(dataDir).mounts);
  const before = memories(root).recall();
  if (before === undefined) throw new Problem("not-found", `veil knows of no share at ${root}`);
  await memories(root).forget();
  process.stdout.write(`${root} may lie on this disk now.\n`);
}
