import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type AccessRole, accessRoles, withImplied } from "../../src/core/access.ts";
import { accessTable } from "../../src/http/access-table.ts";
import type { JobBody, JobsResponse } from "../../src/http/schema.ts";
import type { SessionBody } from "../../src/http/session-schema.ts";
import { temporaryDataDir, until } from "../e2e/program.ts";
import { runVeil } from "../fixtures/veil-command.ts";
import { assertProblem, bearer, type Client, form, json, makeKeyIn, portraitJpeg, startClient } from "./client.ts";

interface Record_ {
  readonly record: {
    readonly outcome?: string;
    readonly kind?: string;
    readonly who?: string;
    readonly job?: { id: string };
    readonly detail?: { who?: string };
  };
}

let veil: Client;
let dataDir: string;
let keys: Readonly<Record<AccessRole, string>>;
let portrait: Buffer;

const flags = ["--set", "auth.required=true", "--set", "cache.driver=none"];

const makeKey = (name: string, roles: readonly string[], ...more: string[]) => makeKeyIn(dataDir, name, roles, ...more);
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${veil.address}${path}`, { headers, redirect: "manual" });

before(async () => {
  dataDir = await temporaryDataDir();
  portrait = await portraitJpeg();
  const made = await Promise.all(
    accessRoles.map(async (role) => [role, await makeKey(`the ${role} one`, [role])] as const),
  );
  keys = Object.fromEntries(made) as typeof keys;
  veil = await startClient({ dataDir, flags });
});
after(async () => {
  await veil?.[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

describe("who may come in", () => {
  test("every route lets in whom the table says, and nobody else", async () => {
    for (const [route, allowed] of Object.entries(accessTable)) {
      const [method = "", path = ""] = route.split(" ");
      const ask = (headers: Record<string, string>) =>
        fetch(veil.address + path.replace("/:id", "/none").replace("/*", "/none"), {
          method,
          headers,
          redirect: "manual",
        });
      const statusFor = async (headers: Record<string, string> = {}) => {
        const answer = await ask(headers);
        await answer.body?.cancel();
        return answer.status;
      };
      if (allowed === "anyone") {
        assert.ok(![401, 403].includes(await statusFor()), route);
        continue;
      }
      assert.equal(await statusFor(), 401, route);
      for (const role of accessRoles) {
        const may: boolean = allowed === "known" || withImplied([role]).some((one) => allowed.includes(one));
        const status = await statusFor(bearer(keys[role]));
        assert.equal(status === 403, !may, `${route} answers ${status} to ${role}`);
        assert.notEqual(status, 401, route);
      }
    }
  });

  test("only a reviewer sees originals: no other role brings that along", () => {
    for (const role of accessRoles) assert.equal(withImplied([role]).includes("review"), role === "review");
    for (const [route, allowed] of Object.entries(accessTable))
      if (route.includes("/reviews")) assert.deepEqual(allowed, ["review"], route);
  });

  test("a refusal says which role is wanted, and one without credentials how to get some", async () => {
    const problem = await assertProblem(await get("/api/v1/jobs", bearer(keys.submit)), 403, "forbidden");
    assert.match(problem.detail, /Expected the role read but the submit one has submit/);
    const answer = await get("/api/v1/jobs");
    assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="veil"');
    await assertProblem(answer, 401, "unauthorized");
  });

  test("whoever only hands in learns nothing of the folders", async () => {
    const routesFor = async (key: string) =>
      ((await (await get("/api/v1/status", bearer(key))).json()) as { routes: unknown[] }).routes.length;
    assert.deepEqual([await routesFor(keys.submit), await routesFor(keys.read)], [0, 2]);
  });

  test("a key that is revoked or has expired opens nothing, and is never shown again", async () => {
    const key = await makeKey("gone soon", ["read"], "--days", "1");
    assert.equal((await get("/api/v1/jobs", bearer(key))).status, 200);
    const id = key.split("_")[1]!;
    const list = await runVeil(["--data-dir", dataDir, "keys", "list", "--json"]);
    const shown = JSON.parse(list.out) as { id: string; expiresAt?: number }[];
    const mine = shown.find((one) => one.id === id)!;
    assert.ok(Math.abs(mine.expiresAt! - Date.now() - 24 * 3_600_000) < 120_000);
    assert.ok(!list.out.includes(key.split("_")[2]!) && !/hash/.test(list.out));
    const revoked = await runVeil(["--data-dir", dataDir, "keys", "revoke", id]);
    assert.equal(revoked.code, 0, revoked.err);
    await assertProblem(await get("/api/v1/jobs", bearer(key)), 401, "unauthorized");
    assert.equal((await runVeil(["--data-dir", dataDir, "keys", "revoke", id])).code, 1);
    for (const bad of ["", "owner"]) {
      const wrong = await runVeil(["--data-dir", dataDir, "keys", "create", "x", ...(bad ? ["--role", bad] : [])]);
      assert.equal(wrong.code, 2, wrong.err);
    }
  });

  test("a session comes from a key, for the browser's own page alone, and ends with a logout or its key", async () => {
    const key = await makeKey("anna", ["admin"]);
    const logIn = async () => {
      const answer = await veil.post("/api/v1/session", ...json({ key }));
      assert.equal(answer.status, 200);
      const [cookie = ""] = answer.headers.getSetCookie();
      assert.match(cookie, /^veil-session=veil_[^;]+; Max-Age=28800; Path=\/; HttpOnly; SameSite=Strict$/);
      return cookie.split(";")[0]!;
    };
    const cookie = await logIn();
    assert.equal((await get("/api/v1/jobs", { cookie })).status, 200);
    // A session's secret is no key: it counts in its cookie alone.
    await assertProblem(await get("/api/v1/jobs", bearer(cookie.split("=")[1]!)), 401, "unauthorized");

    const pause = (headers: Record<string, string>) =>
      fetch(`${veil.address}/api/v1/jobs/resume`, {
        method: "POST",
        body: "{}",
        headers: { "content-type": "application/json", ...headers },
      });
    await assertProblem(await pause({ cookie }), 403, "forbidden-origin");
    await assertProblem(await pause({ cookie, origin: "https://evil.example" }), 403, "forbidden-origin");
    await assertProblem(await pause({ cookie, "sec-fetch-site": "cross-site" }), 403, "forbidden-origin");
    await assertProblem(await pause({ cookie, "sec-fetch-site": "same-site" }), 403, "forbidden-origin");
    assert.equal((await pause({ cookie, origin: veil.address })).status, 200);
    assert.equal((await pause({ cookie, "sec-fetch-site": "same-origin" })).status, 200);
    assert.equal((await pause(bearer(key))).status, 200);

    const out = await fetch(`${veil.address}/api/v1/session`, {
      method: "DELETE",
      headers: { cookie, origin: veil.address },
    });
    assert.equal(out.status, 200);
    await assertProblem(await get("/api/v1/jobs", { cookie }), 401, "unauthorized");

    const second = await logIn();
    assert.equal((await runVeil(["--data-dir", dataDir, "keys", "revoke", key.split("_")[1]!])).code, 0);
    await assertProblem(await get("/api/v1/jobs", { cookie: second }), 401, "unauthorized");
    const old = (await (await get("/api/v1/session", { cookie: second })).json()) as SessionBody;
    assert.deepEqual([old.login_required, old.name], [true, null]);
  });

  test("the ledger names who asked: for a picture, a job, a decision, a key and a login", async () => {
    const headers = bearer(keys.submit);
    const masked = await veil.post("/api/v1/anonymize", form("image", [portrait]), headers);
    assert.equal(masked.status, 200);
    await masked.body?.cancel();
    const job = (await (await veil.post("/api/v1/jobs", form("image", [portrait]), headers)).json()) as JobBody;
    const records = await until("both are sealed", async () => {
      const found = (await (await get("/api/v1/ledger/records?limit=500", bearer(keys.audit))).json()) as {
        records: Record_[];
      };
      const all = found.records.map(({ record }) => record);
      return all.some((one) => one.outcome === "masked") && all.some((one) => one.job?.id === job.id) ? all : undefined;
    });
    assert.equal(records.find(({ outcome }) => outcome === "masked")?.who, "key:the submit one");
    assert.equal(
      records.find((one) => one.job?.id === job.id && one.kind === "admitted")?.detail?.who,
      "key:the submit one",
    );
    assert.match(records.find(({ outcome }) => outcome === "key-created")?.who ?? "", /^command:/);
    assert.equal(records.find(({ outcome }) => outcome === "logged-in")?.who, "session:anna");
  });

  test("whoever only hands in sees its own jobs alone, and has no object of a store masked", async () => {
    const other = await makeKey("another ward", ["submit"]);
    const job = (await (
      await veil.post("/api/v1/jobs", form("image", [portrait]), bearer(keys.submit))
    ).json()) as JobBody;
    for (const path of [`/api/v1/jobs/${job.id}`, `/api/v1/jobs/${job.id}/result`]) {
      await assertProblem(await get(path, bearer(other)), 404, "not-found");
      assert.ok([200, 409].includes((await get(path, bearer(keys.submit))).status));
      assert.ok([200, 409].includes((await get(path, bearer(keys.read))).status));
    }
    await writeFile(join(dataDir, "input_photos", "theirs.jpg"), portrait);
    const ask = (key: string, policy: object) => {
      const [body, headers] = json({ store: "input", key: "theirs.jpg", policy });
      return veil.post("/api/v1/jobs", body, { ...headers, ...bearer(key) });
    };
    await assertProblem(await ask(keys.submit, {}), 403, "forbidden");
    const weaker = await assertProblem(await ask(keys.admin, { min_score: 1 }), 403, "forbidden");
    assert.match(weaker.detail, /min_score would mask less/);
    assert.ok([200, 202].includes((await ask(keys.admin, { style: "solid" })).status));
  });

  test("one client's Idempotency-Key is not another's", async () => {
    const send = async (key: string) => {
      const answer = await veil.post("/api/v1/jobs", form("image", [portrait]), {
        ...bearer(key),
        "idempotency-key": "same",
      });
      return ((await answer.json()) as JobBody).id;
    };
    const [mine, again, another] = [await send(keys.submit), await send(keys.submit), await send(keys.admin)];
    assert.equal(mine, again);
    assert.notEqual(mine, another);
  });

  test("an original that is held is shown to a reviewer alone, and each look is a record before it is answered", async () => {
    const hold = form("image", [portrait], { verify: "hold", style: "solid", min_score: "0.1", profile: "fast" });
    await veil.post("/api/v1/jobs", hold, bearer(keys.submit));
    const held = await until("it is held", async () => {
      const { jobs } = (await (await get("/api/v1/jobs?state=held", bearer(keys.read))).json()) as JobsResponse;
      return jobs[0];
    });
    const path = `/api/v1/reviews/${held.id}/original`;
    await assertProblem(await get(path, bearer(keys.admin)), 403, "forbidden");
    const seen = await get(path, bearer(keys.review));
    assert.deepEqual([seen.status, seen.headers.get("content-type")], [200, "image/jpeg"]);
    assert.match(String(seen.headers.get("content-security-policy")), /sandbox/);
    assert.equal(seen.headers.get("cache-control"), "no-store");
    assert.ok((await seen.arrayBuffer()).byteLength > 10_000);
    const looks = await until("the look is sealed", async () => {
      const found = (await (await get("/api/v1/ledger/records?outcome=viewed", bearer(keys.audit))).json()) as {
        records: Record_[];
      };
      return found.records.length > 0 && found.records;
    });
    assert.deepEqual(
      looks.map(({ record }) => [record.who, record.job?.id]),
      [["key:the review one", held.id]],
    );
  });
});
