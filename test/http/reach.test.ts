import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { request } from "node:http";
import { after, before, describe, test } from "node:test";
import { startProgram, temporaryDataDir, until } from "../e2e/program.ts";
import { assertProblem, bearer, form, makeKeyIn, portraitJpeg } from "./client.ts";

let portrait: Buffer;
const folders: string[] = [];

/** A data folder that goes with the tests. */
async function folderFor(): Promise<string> {
  const folder = await temporaryDataDir();
  folders.push(folder);
  return folder;
}

before(async () => {
  portrait = await portraitJpeg();
});
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

describe("where veil may be reached", () => {
  const refusal = (args: readonly string[]) => {
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    const run = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...args, "serve"], {
      encoding: "utf8",
      env: { PATH: process.env.PATH },
      timeout: 60_000,
    });
    assert.equal(run.status, 2, run.stderr);
    return run.stderr;
  };

  test("on another address than loopback it does not start without a login, nor without TLS, and says what to set", async () => {
    const fresh = await folderFor();
    const open = ["--data-dir", fresh, "--port", "0", "--host", "0.0.0.0"];
    const noKeys = refusal([...open, "--set", "http.allowPlain=true"]);
    assert.match(noKeys, /0\.0\.0\.0 can be reached from other machines, and nobody could log in/);
    assert.ok(noKeys.includes(`npx veil keys create NAME --role admin --data-dir ${fresh}, or`), noKeys);
    const plain = refusal(["--data-dir", fresh, "--port", "0", "--host", "0.0.0.0"]);
    assert.match(plain, /http\.certFile and http\.keyFile, or http\.trustedProxies/);
    assert.match(
      refusal(["--data-dir", fresh, "--set", "auth.required=true"]),
      /A login is asked for, and nobody could log in/,
    );
  });

  test("without a login a request that a proxy has passed on is refused", async () => {
    await using own = await startProgram();
    const ask = (headers: Record<string, string>) => fetch(`${own.address}/api/v1/status`, { headers });
    assert.equal((await ask({})).status, 200);
    for (const name of ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
      await assertProblem(await ask({ [name]: "192.0.2.1" }), 403, "forbidden-host");
  });

  test("who asks too often is told when to come again, by the client's own address behind a trusted proxy", async () => {
    const limits = ["--set", "http.requestsPerMinute=8", "--set", "http.addressRequestsPerMinute=20"];
    await using own = await startProgram({
      flags: [...limits, "--set", "http.trustedProxies=127.0.0.1"],
      dataDir: await withKey(),
    });
    const ask = (headers: Record<string, string>) => fetch(`${own.address}/api/v1/jobs`, { headers });
    const first = (count: number, headers: Record<string, string>) =>
      Promise.all(Array.from({ length: count }, async () => (await ask(headers)).status));
    const from = (address: string) => ({ "x-forwarded-for": address, ...bearer(limited) });
    const statuses = await first(12, from("192.0.2.1"));
    assert.deepEqual(
      [statuses.filter((one) => one === 200).length, statuses.filter((one) => one === 429).length],
      [8, 4],
    );
    const refused = await ask(from("192.0.2.1"));
    assert.ok(Number(refused.headers.get("retry-after")) >= 1);
    await assertProblem(refused, 429, "too-many-requests");
    // Nobody known, from two addresses: each has its own.
    const strangers = await first(25, { "x-forwarded-for": "192.0.2.7" });
    assert.equal(strangers.filter((one) => one === 401).length, 20);
    assert.equal((await ask({ "x-forwarded-for": "192.0.2.8" })).status, 401);
    // Who lives behind the proxy is asked for health as often as a monitor likes.
    for (let index = 0; index < 30; index++) assert.equal((await fetch(`${own.address}/healthz`)).status, 200);
  });

  test("more uploads at once than allowed are told to come again, and others go on", async () => {
    await using own = await startProgram({ flags: ["--set", "http.uploadsAtOnce=2"] });
    const boundary = "x";
    const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
    /** Sends a part's head, and the rest when it is told to. */
    const slowly = () => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const sent = request(`${own.address}/api/v1/anonymize`, { method: "POST", headers }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode!));
      });
      sent.on("error", reject);
      sent.write(`--${boundary}\r\ncontent-disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n`);
      return {
        status: promise,
        end: () => sent.end(Buffer.concat([portrait, Buffer.from(`\r\n--${boundary}--\r\n`)])),
      };
    };
    const held = [slowly(), slowly()];
    const refused = await until("a third one is refused", async () => {
      const answer = await fetch(`${own.address}/api/v1/anonymize`, {
        method: "POST",
        body: form("image", [portrait]),
      });
      if (answer.status === 429) return answer;
      await answer.body?.cancel();
      return undefined;
    });
    assert.equal(refused.headers.get("retry-after"), "1");
    await assertProblem(refused, 429, "too-many-requests");
    assert.equal((await fetch(`${own.address}/api/v1/status`)).status, 200);
    for (const one of held) one.end();
    assert.deepEqual(await Promise.all(held.map(({ status }) => status)), [200, 200]);
    const after = await fetch(`${own.address}/api/v1/anonymize`, { method: "POST", body: form("image", [portrait]) });
    assert.equal(after.status, 200);
    // What is answered never runs, whatever was sent.
    const told = (name: string) => after.headers.get(name);
    assert.deepEqual(
      [told("content-type"), told("x-content-type-options"), told("access-control-allow-origin")],
      ["image/jpeg", "nosniff", null],
    );
    assert.match(String(told("content-security-policy")), /default-src 'none'; sandbox/);
    await after.body?.cancel();
  });

  test("logins that fail again and again wait, and those that are right do not", async () => {
    await using own = await startProgram({ flags: ["--set", "auth.required=true"], dataDir: await withKey() });
    const ask = (key: string) => fetch(`${own.address}/api/v1/jobs`, { headers: bearer(key) });
    const wrong = `${limited.slice(0, -1)}${limited.endsWith("A") ? "B" : "A"}`;
    for (let index = 0; index < 5; index++) assert.equal((await ask(wrong)).status, 401);
    const refused = await ask(wrong);
    assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "2"]);
    assert.equal((await ask(limited)).status, 200);
    const byForm = await fetch(`${own.address}/api/v1/session`, {
      method: "POST",
      body: JSON.stringify({ key: wrong }),
      headers: { "content-type": "application/json" },
    });
    assert.equal(byForm.status, 429);
    assert.ok(!own.log().includes(wrong) && /"msg":"a login failed"/.test(own.log()));
  });

  let limited = "";
  /** A data folder with one key, `limited`. */
  async function withKey(): Promise<string> {
    const folder = await folderFor();
    limited = await makeKeyIn(folder, "limited", ["read"]);
    return folder;
  }
});
