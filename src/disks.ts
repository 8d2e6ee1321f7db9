import { existsSync } from "node:fs";
import { placeOf } from "./config/places.ts";
import { type Config, routesOf } from "./config.ts";
import { networkDiskOf } from "./data-claim.ts";

export interface Disk {
  /** For people; no path. */
  readonly name: string;
  readonly folder: string;
}

/** The disks whose room counts: a file server's would only be guessed, and a folder that is away has none. */
export async function disksOf(config: Config): Promise<readonly Disk[]> {
  const disks: Disk[] = [{ name: "the data folder", folder: config.dataDir }];
  for (const [route, { to }] of routesOf(config)) {
    if (placeOf(to).kind === "folder" && existsSync(to) && (await networkDiskOf(to)) === undefined) {
      disks.push({ name: route === "folder" ? "the output" : `the output of ${route}`, folder: to });
    }
  }
  return disks;
}
