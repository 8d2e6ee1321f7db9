import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createDataStores } from "../src/data-stores.ts";
import type { Problem } from "../src/errors.ts";
import { createFsStore } from "../src/stores/fs.ts";
import { createMemoryStore } from "../src/stores/memory.ts";
import type { Store } from "../src/stores/store.ts";
import { createWebdavStore } from "../src/stores/webdav.ts";
import { eventually } from "./contracts/eventually.ts";
import { temporaryFolder } from "./contracts/temporary-folder.ts";
import { startStandIn } from "./stores/http-stand-in.ts";

const onProblem = (problem: Problem) => assert.fail(problem);

describe("the sweep of stores", () => {
  const old = new Date(Date.now() - 3 * 86_400_000);

  test("passes over one whose settings keep it closed, and goes on with the others, but for inputs", async () => {
    await using folder = await temporaryFolder();
    const stores = createDataStores({ onProblem });
    const settings = { url: "https://127.0.0.1:9/", caFile: join(folder.path, "missing.pem") };
    stores.take(createWebdavStore({ name: "first-output", root: "", settings }));
    const left: string[] = [];
    for (const name of ["second-input", "second-output"]) {
      const root = join(folder.path, name);
      await mkdir(root);
      left.push(join(root, `.veil-${randomUUID()}.part`));
      await writeFile(left.at(-1)!, "half");
      await utimes(left.at(-1)!, old, old);
      stores.take(createFsStore({ name, root }));
    }
    await stores.sweep(new AbortController().signal);
    assert.ok(await stat(left[0]!));
    await assert.rejects(stat(left[1]!), { code: "ENOENT" });
    await stores.close();
  });

  test("ends at once where a store is silent", async () => {
    await using server = await startStandIn(() => {});
    const stores = createDataStores({ onProblem });
    stores.take(createWebdavStore({ name: "output", root: "", settings: { url: server.url } }));
    const stop = new AbortController();
    const sweeping = stores.sweep(stop.signal);
    await eventually("it has begun", () => server.requests.length > 0);
    stop.abort(new Error("no more"));
    await assert.rejects(sweeping, /no more/);
    await stores.close();
  });
});

describe("a store that another one replaces", () => {
  function openNamed(name: string) {
    const closed: Store[] = [];
    const openOne = (): Store => {
      const store: Store = { ...createMemoryStore({ name }), close: async () => void closed.push(store) };
      return store;
    };
    return { closed, openOne };
  }

  test("stays open for what is in work, and is closed after a while", async () => {
    const { closed, openOne } = openNamed("output");
    const stores = createDataStores({ onProblem, formerMs: 50 });
    const [first, second, third] = [openOne(), openOne(), openOne()];
    stores.take(first);
    stores.take(second);
    assert.deepEqual([stores.storeOf("output") === second, closed], [true, []]);
    await eventually("the first one is closed", () => closed.length > 0);
    stores.take(third);
    await stores.close();
    assert.ok([first, second, third].every((store, index) => closed[index] === store));
    assert.equal(closed.length, 3);
  });

  test("is closed with all others when there is no while any more", async () => {
    const { closed, openOne } = openNamed("output");
    const stores = createDataStores({ onProblem });
    for (let count = 0; count < 3; count += 1) stores.take(openOne());
    await stores.close();
    assert.equal(closed.length, 3);
  });
});
