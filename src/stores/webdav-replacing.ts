import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { WebdavConnection } from "./webdav-connection.ts";
import { look } from "./webdav-look.ts";
import { upload, uploadProblem } from "./webdav-upload.ts";

const looks = 3;
const betweenLooksMs = 50;

/**
 * Whether a PUT over an object leaves the old one in its place until all of the new one is there, and for good if that
 * never comes: tried on an object of its own. Apache, nginx and Nextcloud do so, others write into the old one.
 */
export async function replacesWhole(connection: WebdavConnection, folder: string, what: string): Promise<boolean> {
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
