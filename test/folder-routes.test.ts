import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../src/config.ts";
import { openDataFolder } from "../src/data-folder.ts";
import { createFolderRoutes, type FolderRoutesParts } from "../src/folder-routes.ts";
import { createLog } from "../src/log.ts";
import type { Route } from "../src/pipeline/route.ts";
import { eventually } from "./contracts/eventually.ts";
import { temporaryFolder } from "./contracts/temporary-folder.ts";

test("names that were announced for a route go with it, at a reload and at the start, unless others may have it", async () => {
  await using folder = await temporaryFolder();
  for (const name of ["data", "a", "b", "out-a", "out-b"]) await mkdir(join(folder.path, name));
  const configure = async (...names: readonly string[]) => {
    const routes = names.map((name) => [name, { from: join(folder.path, name), to: join(folder.path, `out-${name}`) }]);
    await writeFile(join(folder.path, "data/veil.yaml"), JSON.stringify({ routes: Object.fromEntries(routes) }));
    return loadConfig({ flags: { dataDir: join(folder.path, "data") }, env: {}, cwd: folder.path });
  };
  const onProblem = (problem: Error) => assert.fail(problem);
  const config = await configure("a", "b");
  await using data = await openDataFolder(config, onProblem, "service");
  const open = (isShared: boolean) => {
    const idle = { watches: false, hears: true, alone: async () => {}, isShared };
    const never = () => assert.fail("there is no work");
    const parts = { data, admit: never, redrive: never, puts: data.puts, room: {}, observe: never, onAlert: never };
    const log = createLog({ level: "silent", human: false });
    return createFolderRoutes(config, new Map<string, Route>(), {
      ...({ ...parts, ...idle, log, onProblem } as unknown as FolderRoutesParts),
    });
  };
  const { announcements } = data;
  for (const isShared of [true, false]) {
    for (const route of ["a", "b", "gone"]) await announcements.add([{ route, key: "x.jpg" }]);
    const stop = new AbortController();
    const routes = open(isShared);
    const running = routes.run(stop.signal);
    if (isShared) {
      await routes.apply(await configure("b"));
      assert.deepEqual(await announcements.waiting(), { b: 1, gone: 1 });
    } else {
      await eventually("the stranger is forgotten", async () => (await announcements.waiting()).gone === undefined);
      assert.deepEqual(await announcements.waiting(), { a: 1, b: 1 });
    }
    stop.abort();
    await running;
  }
});
