import { Problem } from "../errors.ts";
import type { Connection } from "./ftp-connect.ts";
import { enter, look } from "./ftp-facts.ts";
import { checkKey, isTemporary } from "./key.ts";

/** A folder on the server. Whether its symbolic links lead elsewhere is the server's affair: the protocol knows none. */
export interface Tree {
  /** "" is the root. */
  pathOf(connection: Connection, key: string): string;
  /** Refuses with `invalid-request` what can't be a key here. */
  check(key: string): void;
  /** Refuses with `store-unavailable` while the root is missing. */
  online(connection: Connection): Promise<void>;
  /** Makes the folders that a key lies in. */
  makeWay(connection: Connection, key: string): Promise<void>;
}

export function createTree(name: string, root: string): Tree {
  const pathOf = ({ home }: Connection, key: string) => {
    const top = root.startsWith("/") ? root : `${home.replace(/\/$/, "")}/${root}`;
    const trimmed = top.replace(/(\/\.)*\/*$/, "");
    return key === "" ? trimmed || "/" : `${trimmed}/${key}`;
  };

  async function online(connection: Connection): Promise<void> {
    if (await enter(connection, pathOf(connection, ""))) return;
    throw new Problem("store-unavailable", `The folder ${pathOf(connection, "")} of ${name} is not there`, {
      remedy: "Make it on the server, or correct root in the configuration.",
    });
  }

  return {
    pathOf,
    online,

    check(key) {
      checkKey(key);
      const fault = /[\r\n]/.test(key)
        ? "without line breaks, which FTP can't carry,"
        : key.split("/").some(isTemporary)
          ? "without a .veil- segment"
          : undefined;
      if (fault === undefined) return;
      throw new Problem("invalid-request", `Expected a key ${fault} but received ${JSON.stringify(key)}`);
    },

    async makeWay(connection, key) {
      const folders = key
        .split("/")
        .slice(0, -1)
        .map((_, index, all) => all.slice(0, index + 1).join("/"));
      const last = folders.at(-1);
      if (last !== undefined && (await enter(connection, pathOf(connection, last)))) return;
      await online(connection);
      for (const folder of folders) {
        const path = pathOf(connection, folder);
        if (await enter(connection, path)) continue;
        const made = await connection.send(`MKD ${path}`);
        // Another put may have made it at the same time.
        if (await enter(connection, path)) continue;
        if ((await look(connection, path)) !== undefined) {
          throw new Problem("already-exists", `A file stands where a folder of ${key} in ${name} would have to be`);
        }
        throw new Problem("store-denied", `Cannot make the folder ${path} in ${name}: ${made.message}`);
      }
    },
  };
}
