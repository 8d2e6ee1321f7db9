import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { appendFile, mkdir, readdir, rename, truncate, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Store } from "../../src/stores/store.ts";
import { bodyOf, keysOf, withCode } from "./store.ts";

/** A store of a folder that a test sees from the other side, too. */
export interface FolderStore {
  readonly store: Store;
  readonly root: string;
}

const image = { contentType: "image/jpeg" };

/** What is left of a reading, to its end. */
export async function drain(reading: AsyncIterator<unknown>): Promise<void> {
  while (!(await reading.next()).done);
}

/** Its folder is moved away: every verb says so, and nothing is made in its place. */
export async function saysThatTheRootIsAway({ store, root }: FolderStore): Promise<void> {
  await rename(root, `${root}-away`);
  const offline = withCode("store-unavailable");
  await assert.rejects(keysOf(store), offline);
  await assert.rejects(store.get("x.jpg"), offline);
  await assert.rejects(store.head("x.jpg"), offline);
  await assert.rejects(store.put("y.jpg", bodyOf("y"), image), offline);
  await assert.rejects(store.put("a/y.jpg", bodyOf("y"), image), offline);
  await assert.rejects(store.remove("x.jpg"), offline);
  await assert.rejects(store.sweep!(), offline);
  assert.ok(!(await readdir(dirname(root))).includes(basename(root)));
}

/** A file of so many bytes, of long ago, changes in each way while it is read. */
export async function failsReadingsOfWhatChanges({ store, root }: FolderStore, bytes: number): Promise<void> {
  const path = join(root, "x.jpg");
  const changes = [
    () => appendFile(path, "more"),
    () => truncate(path, bytes / 2),
    () => writeFile(path, Buffer.alloc(bytes, 2)),
  ];
  for (const change of changes) {
    await writeFile(path, Buffer.alloc(bytes, 1));
    await utimes(path, 1_000_000, 1_000_000);
    const { stream } = await store.get("x.jpg");
    const reading = stream[Symbol.asyncIterator]();
    await reading.next();
    await change();
    await assert.rejects(drain(reading), withCode("changed-while-reading"), String(change));
  }
}

/** Of all that lies there, veil's own temporary file that is a day old goes. */
export async function sweepsItsOwnOldFile({ store, root }: FolderStore): Promise<void> {
  const uuid = randomUUID();
  const longAgo = new Date(Date.now() - 25 * 3_600_000);
  await mkdir(join(root, "a"));
  const old = [`a/.veil-${uuid}.part`, "old.jpg", ".veil-notes.txt"];
  for (const key of [...old, `.veil-${uuid}.part`]) await writeFile(join(root, key), "x");
  for (const key of old) await utimes(join(root, key), longAgo, longAgo);
  assert.equal(await store.sweep!(), 1);
  assert.deepEqual((await readdir(root)).sort(), [`.veil-${uuid}.part`, ".veil-notes.txt", "a", "old.jpg"]);
  assert.deepEqual(await readdir(join(root, "a")), []);
}

/** A folder and a file want the same name. */
export async function keepsFoldersAndFilesApart({ store, root }: FolderStore): Promise<void> {
  await store.put("a/b.jpg", bodyOf("x"), image);
  await assert.rejects(store.put("a", bodyOf("x"), image), withCode("already-exists"));
  await assert.rejects(store.put("a/b.jpg/c.jpg", bodyOf("x"), image), withCode("already-exists"));
  await store.remove("a");
  assert.deepEqual(await keysOf(store), ["a/b.jpg"]);
  assert.deepEqual(await readdir(root), ["a"]);
}
