import assert from "node:assert/strict";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { describe, test } from "node:test";
import { stringify } from "yaml";
import { createReadiness } from "../../src/http/readiness.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startProgram, until } from "../e2e/program.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { assertProblem } from "./client.ts";

describe("/readyz", () => {
  test("fails while a route's folder is away, names the route, and another route's question is answered still", async () => {
    await using folder = await temporaryFolder();
    const at = (...path: string[]) => join(folder.path, ...path);
    for (const name of ["here", "there", "masked-here", "masked-there", "data"]) await mkdir(at(name), { mode: 0o700 });
    const routes = {
      here: { from: at("here"), to: at("masked-here") },
      there: { from: at("there"), to: at("masked-there"), reconcileMs: 1000 },
    };
    await writeFile(at("data", "veil.yaml"), stringify({ routes }));
    await using veil = await startProgram({ dataDir: at("data") });
    const ready = async (query = "") => (await fetch(`${veil.address}/readyz${query}`)).status;
    assert.equal(await ready(), 200);
    await rename(at("masked-there"), at("elsewhere"));
    await until("it says so", async () => (await ready()) === 503, 15_000);
    assert.match(
      ((await (await fetch(`${veil.address}/readyz`)).json()) as { detail: string }).detail,
      /^Route there: The store cannot be reached$/,
    );
    assert.deepEqual([await ready("?route=here"), await ready("?route=there")], [200, 503]);
    await assertProblem(await fetch(`${veil.address}/readyz?route=nowhere`), 404, "not-found");
    await rename(at("elsewhere"), at("masked-there"));
    await until("it is well again", async () => (await ready()) === 200, 30_000);
  });

  test("does not wait for a queue that is silent, and asks it once however many ask", async () => {
    let asked = 0;
    const queue = {
      depth: () => {
        asked++;
        return new Promise<number>(() => {});
      },
    };
    const readiness = createReadiness({
      ...{ pool: { detector: async () => {} }, ledger: { counts: async () => ({}) as never }, queue, answerMs: 50 },
      ...{ routes: () => [], storeOf: () => createMemoryStore({ name: "none" }) },
    });
    const silent = { code: "queue-unavailable", message: "queue: The queue cannot be reached or takes no more jobs" };
    await Promise.all([1, 2, 3].map(() => assert.rejects(readiness.require(), silent)));
    await assert.rejects(readiness.require(), silent);
    assert.equal(asked, 1);
  });
});

test("monitors are answered at an address of their own, by any name, and nobody else is", async () => {
  const flags = ["--set", "monitor.host=127.0.0.1", "--set", "monitor.port=0"];
  await using veil = await startProgram({ flags });
  const [, address] = /"address":"(http:[^"]*)","msg":"monitors/.exec(veil.log()) ?? [];
  assert.ok(address, veil.log());
  const get = (path: string) =>
    new Promise<number>((resolve, reject) => {
      const asked = request(`${address}${path}`, { headers: { host: "veil.example.org" } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      asked.on("error", reject).end();
    });
  assert.deepEqual(await Promise.all(["/healthz", "/readyz", "/metrics"].map(get)), [200, 200, 200]);
  assert.deepEqual(
    await Promise.all(["/", "/api/v1/status", "/api/v1/jobs", "/api/docs"].map(get)),
    [404, 404, 404, 404],
  );
});

test("whoever may not read is told that something is away, and not what", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  for (const name of ["data", "in", "out"]) await mkdir(at(name), { mode: 0o700 });
  const routes = { ward: { from: at("in"), to: at("out"), reconcileMs: 1000 } };
  await writeFile(join(at("data"), "veil.yaml"), stringify({ routes, auth: { required: true } }));
  const key = (await veilCommand(at("data"), "keys", "create", "monitor", "--role", "read")).out.trim();
  await using veil = await startProgram({ dataDir: at("data") });
  const ask = async (query: string, headers: Record<string, string> = {}) =>
    (await (await fetch(`${veil.address}/readyz${query}`, { headers })).json()) as {
      code?: string;
      detail?: string;
      status: unknown;
    };
  await rm(at("out"), { recursive: true });
  const known = { authorization: `Bearer ${key}` };
  await until("it is away", async () => (await ask("", known)).code === "store-unavailable", 15_000);
  assert.match((await ask("", known)).detail ?? "", /^Route ward: /);
  for (const query of ["", "?route=ward", "?route=nowhere"]) {
    const { code, detail } = await ask(query);
    assert.deepEqual([code, detail], ["store-unavailable", "veil does not reach something that it needs"], query);
  }
});
