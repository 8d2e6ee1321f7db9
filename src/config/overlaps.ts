import { join } from "node:path";
import { type Extent, isWithin } from "./places.ts";

/** A route's places, each with the words that name its setting. */
export interface RoutePlaces {
  readonly name: string;
  readonly from: Named;
  readonly to: Named;
  readonly movedTo?: Named | undefined;
  /** Whether its originals go away when they are masked. */
  readonly takes: boolean;
}

interface Named {
  readonly setting: string;
  readonly extent: Extent;
}

interface NamedFolder {
  readonly setting: string;
  readonly folder: string;
}

/** Where uploads lie and their results, below `jobs.folder`. */
const uploadParts = ["inbox", "results"];

/**
 * Folders that would feed on veil's results or on its own files, or be written to by two, one sentence each. `uploads` is
 * `jobs.folder`, where it is set.
 */
export function overlapFaults(routes: readonly RoutePlaces[], data: NamedFolder, uploads?: NamedFolder): string[] {
  const faults: string[] = [];
  const contains = (outer: string, { extent }: Named) => isWithin(folderExtent(outer), extent);
  const apart = (a: Named, b: Named, why: string) => {
    if (!isWithin(a.extent, b.extent) && !isWithin(b.extent, a.extent)) return;
    const received = `${wordsOf(a)} and ${wordsOf(b)}`;
    const what = a.extent.kind === "folder" ? "two separate folders" : "two separate places in the store";
    faults.push(`${a.setting} and ${b.setting}: expected ${what} but received ${received}: ${why}`);
  };
  const amongUploads = (folder: Named, { setting, folder: root }: NamedFolder) => {
    const isApart = !uploadParts.some((part) => contains(join(root, part), folder));
    if (isApart && !isWithin(folder.extent, folderExtent(root))) return;
    const received = `${JSON.stringify(root)} and ${wordsOf(folder)}`;
    const why = "uploads and their results would lie among a route's photographs";
    faults.push(`${setting} and ${folder.setting}: expected two separate folders but received ${received}: ${why}`);
  };
  const own = "veil would mask its own results";
  routes.forEach((route, index) => {
    const { from, to, movedTo, takes } = route;
    apart(from, to, own);
    if (movedTo !== undefined) {
      apart(from, movedTo, "what was moved would be taken again");
      apart(to, movedTo, "originals would lie among masked pictures");
    }
    const folders = [from, to, ...(movedTo ? [movedTo] : [])];
    for (const folder of folders) {
      if (uploads !== undefined) amongUploads(folder, uploads);
      if (!isWithin(folder.extent, folderExtent(data.folder))) continue;
      const received = `${wordsOf(folder)}, which holds veil's data folder ${JSON.stringify(data.folder)}`;
      faults.push(`${folder.setting}: expected a folder for photographs alone but received ${received}`);
    }
    for (const folder of route.name === "folder" ? [] : folders) {
      if (!contains(data.folder, folder) || isWithin(folder.extent, folderExtent(data.folder))) continue;
      faults.push(`${folder.setting}: expected a folder outside of veil's data folder but received ${wordsOf(folder)}`);
    }
    for (const other of routes.slice(0, index)) {
      apart(other.from, to, own);
      apart(other.to, from, own);
      apart(other.to, to, "two routes would write into the same folder");
      if (takes || other.takes) apart(other.from, from, "one route would take the other one's originals away");
      for (const [one, two] of [
        [route, other],
        [other, route],
      ] as const) {
        if (one.movedTo === undefined) continue;
        apart(two.from, one.movedTo, "what was moved would be taken again");
        apart(two.to, one.movedTo, "originals would lie among masked pictures");
      }
    }
  });
  return faults;
}

function folderExtent(folder: string): Extent {
  return { kind: "folder", folder };
}

function wordsOf({ extent }: Named): string {
  return JSON.stringify(extent.kind === "folder" ? extent.folder : extent.words);
}
