import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Problem } from "../../src/errors.ts";
import { asideOf, deadAfterMs, ownNameOf } from "../../src/stores/aside.ts";
import type { ObjectInfo, Store } from "../../src/stores/store.ts";
import { bodyOf, keysOf, withCode } from "./store.ts";

/** A store of a folder that a test sees from the other side, too; empty at first. */
export interface AsideStore extends AsyncDisposable {
  readonly store: Store;
  readonly root: string;
  readonly problems: readonly Problem[];
}

const image = { contentType: "image/jpeg" };
const key = "a/x.jpg";
const longAgo = new Date("2020-01-02T03:04:05Z");

/** One look at a store: what it met, and what it could not say. */
async function lookAt(
  store: Store,
): Promise<{ readonly keys: readonly string[]; readonly unknown: readonly string[] }> {
  const unknown: string[] = [];
  const infos: ObjectInfo[] = await Array.fromAsync(store.list("", { onUnknown: (prefix) => unknown.push(prefix) }));
  return { keys: infos.map((info) => info.key).toSorted(), unknown };
}

/** As a removal that was killed leaves it: what lay there has its other name. Answers which version was to be removed. */
async function killedRemoval({ store, root }: AsideStore, moved = "original") {
  await mkdir(join(root, "a"), { recursive: true });
  await writeFile(join(root, key), "original");
  await utimes(join(root, key), longAgo, longAgo);
  const { version } = (await store.head(key))!;
  const aside = asideOf(key, version);
  await rename(join(root, key), join(root, aside));
  // Somebody has put it there between the last look and the renaming.
  if (moved !== "original") await writeFile(join(root, aside), moved);
  return { version, aside };
}

async function filesOf({ root }: AsideStore): Promise<Readonly<Record<string, string>>> {
  const names = (await readdir(join(root, "a"))).toSorted();
  const files = names.map(async (name) => [`a/${name}`, await readFile(join(root, "a", name), "utf8")] as const);
  return Object.fromEntries(await Promise.all(files));
}

/** A clock that goes on by itself, and further when it is told to. */
function clockOf({ mock }: TestContext): (ms: number) => void {
  const now = performance.now.bind(performance);
  let ahead = 0;
  mock.method(performance, "now", () => now() + ahead);
  return (ms) => {
    ahead += ms;
  };
}

/** What stores of folders promise of removals that die in the middle; to be called where their tests are described. */
export function asideContract(open: (takesOriginals: boolean) => Promise<AsideStore>): void {
  test("goes on with a removal that died in the middle, once it is asked for again", async () => {
    await using opened = await open(false);
    const { version } = await killedRemoval(opened);
    assert.deepEqual(await keysOf(opened.store), []);
    await opened.store.remove(key, { ifMatch: version });
    assert.deepEqual(await filesOf(opened), {});
  });

  test("goes on with it too where somebody has put another file in its place, which stays", async () => {
    await using opened = await open(false);
    const { version } = await killedRemoval(opened);
    await writeFile(join(opened.root, key), "newer than that");
    await assert.rejects(opened.store.remove(key, { ifMatch: version }), withCode("changed-while-reading"));
    assert.deepEqual(await filesOf(opened), { [key]: "newer than that" });
  });

  test("gives its name again to what such a removal took away and was not to", async () => {
    await using opened = await open(false);
    const { version } = await killedRemoval(opened, "newer than that");
    await assert.rejects(opened.store.remove(key, { ifMatch: version }), withCode("changed-while-reading"));
    assert.deepEqual(await filesOf(opened), { [key]: "newer than that" });
  });

  test("removes nothing of what lies aside without being asked for that version", async () => {
    await using opened = await open(false);
    const { aside } = await killedRemoval(opened);
    await opened.store.remove(key);
    await opened.store.remove(key, { ifMatch: "another" });
    assert.deepEqual(await filesOf(opened), { [aside]: "original" });
  });

  test("passes over what lies aside, and gives it its name again when it still does a while later", async (context) => {
    const pass = clockOf(context);
    await using opened = await open(true);
    const { aside, version } = await killedRemoval(opened);
    for (let look = 0; look < 2; look += 1) assert.deepEqual(await lookAt(opened.store), { keys: [], unknown: [key] });
    assert.deepEqual([await filesOf(opened), opened.problems], [{ [aside]: "original" }, []]);
    pass(deadAfterMs);
    assert.deepEqual((await lookAt(opened.store)).unknown, [key]);
    assert.deepEqual(await filesOf(opened), { [key]: "original" });
    assert.deepEqual(
      opened.problems.map(({ code }) => code),
      ["not-found"],
    );
    assert.match(opened.problems[0]!.message, /"a\/x\.jpg" .* has its name again$/);
    assert.deepEqual(await lookAt(opened.store), { keys: [key], unknown: [] });
    assert.equal((await opened.store.head(key))?.version, version);
  });

  test("forgets a removal that ended between two looks", async (context) => {
    const pass = clockOf(context);
    await using opened = await open(true);
    const { aside } = await killedRemoval(opened);
    await lookAt(opened.store);
    await rm(join(opened.root, aside));
    await lookAt(opened.store);
    pass(deadAfterMs);
    await killedRemoval(opened);
    await lookAt(opened.store);
    assert.deepEqual(await filesOf(opened), { [aside]: "original" });
  });

  test("loses neither file where another one has the name by now, and says so until that is gone", async (context) => {
    const pass = clockOf(context);
    await using opened = await open(true);
    const { aside } = await killedRemoval(opened);
    await writeFile(join(opened.root, key), "newer");
    await lookAt(opened.store);
    pass(deadAfterMs);
    for (let look = 0; look < 2; look += 1) assert.deepEqual((await lookAt(opened.store)).keys, [key]);
    assert.deepEqual(await filesOf(opened), { [key]: "newer", [aside]: "original" });
    assert.deepEqual(
      opened.problems.map(({ code }) => code),
      ["already-exists", "already-exists"],
    );
    assert.match(opened.problems[0]!.message, /another file is "a\/x\.jpg" by now: rename or remove one of them$/);
    await rm(join(opened.root, key));
    await lookAt(opened.store);
    assert.deepEqual(await filesOf(opened), { [key]: "original" });
  });

  test("renames nothing where originals stay, and tells of what lies aside at once", async () => {
    await using opened = await open(false);
    const { aside } = await killedRemoval(opened);
    for (let look = 0; look < 3; look += 1) assert.deepEqual(await lookAt(opened.store), { keys: [], unknown: [key] });
    assert.deepEqual(await filesOf(opened), { [aside]: "original" });
    assert.deepEqual([...new Set(opened.problems.map(({ code }) => code))], ["invalid-request"]);
    assert.match(opened.problems[0]!.message, /veil renames nothing here: name it "a\/x\.jpg" again$/);
  });

  test("leaves removals that are alive alone, and shows nobody what they do", async () => {
    await using opened = await open(true);
    const { store } = opened;
    const met = new Set<string>();
    let isOver = false;
    const looking = (async () => {
      while (!isOver) for (const one of (await lookAt(store)).keys) met.add(one);
    })();
    for (let round = 0; round < 30; round += 1) {
      const { version } = await store.put(`a/${round}.jpg`, bodyOf("x"), image);
      await store.remove(`a/${round}.jpg`, { ifMatch: version });
    }
    isOver = true;
    await looking;
    assert.deepEqual(
      [...met].filter((one) => ownNameOf(one) !== undefined),
      [],
    );
    assert.deepEqual([await filesOf(opened), opened.problems], [{}, []]);
  });

  test("removes a version of a file whose name is too long for a longer one", async () => {
    await using opened = await open(false);
    const long = `${"长".repeat(80)}.jpg`;
    const { version } = await opened.store.put(long, bodyOf("x"), image);
    await assert.rejects(stat(join(opened.root, asideOf(long, version))), { code: "ENAMETOOLONG" });
    await opened.store.remove(long, { ifMatch: version });
    await opened.store.remove(long, { ifMatch: version });
    assert.deepEqual(await readdir(opened.root), []);
  });
}
