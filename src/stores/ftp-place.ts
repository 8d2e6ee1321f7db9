import type { Problem } from "../errors.ts";
import type { Connection } from "./ftp-connect.ts";
import { enter, look } from "./ftp-facts.ts";
import { refusal } from "./ftp-problem.ts";

/** Lets one after the other have a key. */
export function createTurns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key);
    const mine = (async () => {
      await before?.catch(() => {});
      return await work();
    })();
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}

/** Moves a whole file to its own name; with `mayReplace` over what is there. */
export async function move(
  connection: Connection,
  temporary: string,
  path: string,
  taken: Problem,
  mayReplace: boolean,
): Promise<void> {
  const first = await rename(connection, temporary, path);
  if (first.code < 400) return;
  // Some servers replace nothing.
  if (await enter(connection, path).catch(() => false)) throw taken;
  const isThere = (await look(connection, path)) !== undefined;
  if (isThere && !mayReplace) throw taken;
  if (!isThere) throw refusal(first, path);
  const removed = await connection.send(`DELE ${path}`);
  if (removed.code >= 400) throw refusal(removed, path);
  const second = await rename(connection, temporary, path);
  if (second.code >= 400) throw refusal(second, path);
}

async function rename(connection: Connection, from: string, to: string) {
  const named = await connection.send(`RNFR ${from}`);
  return named.code >= 400 ? named : await connection.send(`RNTO ${to}`);
}

/** Removes a file; one that is not there is no failure. */
export async function removeFile(connection: Connection, path: string): Promise<void> {
  const reply = await connection.send(`DELE ${path}`);
  if (reply.code >= 400 && (await look(connection, path)) !== undefined) throw refusal(reply, path);
}
