import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { JobBody } from "../../src/http/schema.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { until } from "../e2e/program.ts";
import { runVeil } from "../fixtures/veil-command.ts";
import { assertProblem, type Client, form, json, portraitJpeg, startClient } from "./client.ts";

describe("what somebody has handed in", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let veil: Client;
  const command = async (...args: string[]) => {
    const { code, out, err } = await runVeil(["--data-dir", folder.path, ...args]);
    assert.equal(code, 0, err);
    return out.trim();
  };
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  const get = (path: string, headers: Record<string, string>) => fetch(`${veil.address}${path}`, { headers });
  /** The cookie of a session on the page. */
  const logIn = async (key: string) => {
    const answer = await veil.post("/api/v1/session", ...json({ key }));
    assert.equal(answer.status, 200);
    return { cookie: answer.headers.getSetCookie()[0]!.split(";")[0]!, origin: veil.address };
  };

  before(async () => {
    folder = await temporaryFolder();
    await command("keys", "create", "the first", "--role", "submit");
    veil = await startClient({ dataDir: folder.path, flags: ["--set", "auth.required=true"] });
  });
  after(async () => {
    await veil?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test("stays its own by key and session, and is not a later key's of the same name", async () => {
    const key = await command("keys", "create", "ward 7", "--role", "submit");
    const handed = await veil.post("/api/v1/jobs", form("image", [await portraitJpeg()]), bearer(key));
    const { id } = (await handed.json()) as JobBody;
    const paths = [`/api/v1/jobs/${id}`, `/api/v1/jobs/${id}/result`] as const;
    await until("it is done", async () => (await get(paths[1], bearer(key))).status === 200);
    const session = await logIn(key);
    for (const path of paths) assert.equal((await get(path, session)).status, 200, path);

    await command("keys", "revoke", key.split("_")[1]!);
    const later = await command("keys", "create", "ward 7", "--role", "submit");
    for (const headers of [bearer(later), await logIn(later)])
      for (const path of paths) await assertProblem(await get(path, headers), 404, "not-found");

    // The chain holds, with the owner's mark and after an erasure.
    await veil.stop();
    assert.match(await command("ledger", "verify"), /records/);
    await command("ledger", "erase", "--path", "*photo-0.jpg", "--yes");
    assert.match(await command("ledger", "verify"), /records/);
  });
});
