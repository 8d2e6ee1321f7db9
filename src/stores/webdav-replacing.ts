import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { WebdavConnection } from "./webdav-connection.ts";
import { look } from "./webdav-look.ts";
import { upload, uploadProblem } from "./webdav-upload.ts";

const looks = 3;
const betweenLooksMs = 50;

/** Whether the server keeps an old object in its place until all of a new one is there, which is found out but once. */
export interface Replacing {
  isWhole(folder: string, what: string): Promise<boolean>;
}

export function createReplacing(connection: WebdavConnection): Replacing {
  let trying: Promise<boolean> | undefined;

  return {
    async isWhole(folder, what) {
      trying ??= replacesWhole(connection, folder, what);
      try {
        return await trying;
      } catch (error) {
        trying = undefined;
        throw error;
      }
    },
  };
}

/**
 * Whether a PUT over an object leaves the old one as it is until all of the new one is there, and for good if that never
 * comes: tried on an object of its own. Apache does so; others write into the old one.
 */
async function replacesWhole(connection: WebdavConnection, folder: string, what: string): Promise<boolean> {
  const path = `${folder}.veil-${randomUUID()}.part`;
  const first = { path, contentType: "application/octet-stream", what };
  try {
    const old = await upload(connection, { ...first, body: Readable.from([Buffer.from("old")]) });
    if (typeof old === "number") throw uploadProblem(old, what);
    const isOld = async () => {
      const there = await look(connection, path, what);
      return there?.kind === "object" && there.info.size === old.size;
    };
    let isKept = true;
    const beforeEnd = async () => {
      for (let round = 0; round < looks && isKept; round += 1) {
        await sleep(betweenLooksMs);
        isKept = await isOld();
      }
      throw new Error("only tried");
    };
    const body = Readable.from([Buffer.alloc(65_536), Buffer.alloc(65_536)]);
    await upload(connection, { ...first, body, beforeEnd }).catch(() => undefined);
    await sleep(betweenLooksMs);
    return isKept && (await isOld());
  } finally {
    await connection.remove(path, what);
  }
}
