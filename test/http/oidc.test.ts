import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { createOidc } from "../../src/auth/oidc.ts";
import type { SessionBody } from "../../src/http/session-schema.ts";
import { createOutbound } from "../../src/outbound.ts";
import { type Program, startProgram } from "../e2e/program.ts";
import { type IdentityProvider, startIdentityProvider } from "../fixtures/identity-provider.ts";
import { assertProblem } from "./client.ts";

const clientSecret = "between veil and its provider";
let provider: IdentityProvider;
let veil: Program;

/** A port that was free a moment ago: the provider has to know veil's address before veil runs. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A provider for people who find the page at that address. */
const providerFor = (publicUrl: string) =>
  startIdentityProvider({
    ...{ clientId: "veil", clientSecret, redirectUri: `${publicUrl}/api/v1/session/callback` },
    people: { anna: ["veil-review", "staff"], bob: ["staff"] },
  });

function flagsFor(publicUrl: string, { issuer }: IdentityProvider): readonly string[] {
  const settings = {
    ...{ "http.publicUrl": publicUrl, "auth.oidc.issuer": issuer, "auth.oidc.clientId": "veil" },
    ...{ "auth.oidc.clientSecret": clientSecret, "auth.privateHosts": "127.0.0.1" },
  };
  return Object.entries(settings).flatMap(([path, value]) => ["--set", `${path}=${value}`]);
}

before(async () => {
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  provider = await providerFor(publicUrl);
  veil = await startProgram({ flags: ["--port", String(port), ...flagsFor(publicUrl, provider)] });
});
after(async () => {
  await veil?.[Symbol.asyncDispose]();
  await provider?.[Symbol.asyncDispose]();
});

const get = (path: string, cookie = "") =>
  fetch(path.startsWith("http") ? path : `${veil.address}${path}`, { redirect: "manual", headers: { cookie } });
const cookieOf = (answer: Response, name: string) =>
  answer.headers.getSetCookie().find((one) => one.startsWith(`${name}=`));
const sessionAs = async (cookie: string) => (await (await get("/api/v1/session", cookie)).json()) as SessionBody;

/** As far as the provider's answer. */
async function begun(login: string): Promise<{ back: string; state: string }> {
  const start = await get("/api/v1/session/login");
  assert.equal(start.status, 302);
  const state = cookieOf(start, "veil-login")!;
  assert.match(state, /; Path=\/api\/v1\/session; HttpOnly; SameSite=Lax/);
  return { back: await provider.logIn(start.headers.get("location")!, login), state: state.split(";")[0]! };
}

describe("a login at an identity provider", () => {
  test("lets in whom the provider names, with the roles that it gives", async () => {
    assert.deepEqual(await sessionAs(""), { login_required: true, name: null, roles: [], ways: ["key", "oidc"] });
    const { back, state } = await begun("anna");
    const done = await get(back, state);
    assert.deepEqual([done.status, done.headers.get("location")], [302, "/"]);
    const session = cookieOf(done, "veil-session")!;
    assert.match(session, /; Max-Age=28800; Path=\/; HttpOnly; SameSite=Strict/);
    const cookie = session.split(";")[0]!;
    assert.deepEqual(await sessionAs(cookie), {
      ...{ login_required: true, name: "anna", roles: ["read", "review"], ways: ["key", "oidc"] },
    });
    assert.equal((await get("/api/v1/reviews", cookie)).status, 200);
    await assertProblem(await get("/api/v1/ledger/records", cookie), 403, "forbidden");
  });

  test("somebody without a role of veil's is known, and may do nothing", async () => {
    const { back, state } = await begun("bob");
    const cookie = cookieOf(await get(back, state), "veil-session")!.split(";")[0]!;
    assert.deepEqual((await sessionAs(cookie)).roles, []);
    const problem = await assertProblem(await get("/api/v1/status", cookie), 403, "forbidden");
    assert.match(problem.detail, /bob has none/);
  });

  test("an answer counts once, and only for the browser that asked", async () => {
    const { back, state } = await begun("anna");
    await assertProblem(await get(back), 401, "unauthorized");
    await assertProblem(await get(back, "veil-login=forged"), 401, "unauthorized");
    const another = await begun("anna");
    await assertProblem(await get(back, another.state), 401, "unauthorized");
    assert.equal((await get(another.back, another.state)).status, 302);
    await assertProblem(await get(another.back, another.state), 401, "unauthorized");
    const changed = new URL(back);
    changed.searchParams.set("code", "made-up");
    const answer = await get(changed.href, state);
    assert.ok([401, 429].includes(answer.status), String(answer.status));
  });

  test("where people come by HTTPS, its cookie is one that no other host of the domain can set", async () => {
    const publicUrl = "https://veil.example.org";
    await using other = await providerFor(publicUrl);
    await using behind = await startProgram({ flags: flagsFor(publicUrl, other) });
    const ask = (path: string, cookie: string) =>
      fetch(`${behind.address}${path}`, { redirect: "manual", headers: { cookie } });
    const start = await ask("/api/v1/session/login", "");
    const set = cookieOf(start, "__Host-veil-login")!;
    assert.match(set, /; Path=\/; HttpOnly; Secure; SameSite=Lax/);
    assert.doesNotMatch(set, /Domain/i);
    const { pathname, search } = new URL(await other.logIn(start.headers.get("location")!, "anna"));
    const value = set.split(";")[0]!.split("=")[1]!;
    await assertProblem(await ask(pathname + search, `veil-login=${value}`), 401, "unauthorized");
    const done = await ask(pathname + search, `__Host-veil-login=${value}`);
    assert.equal(done.status, 302);
    assert.match(cookieOf(done, "__Host-veil-login")!, /; Path=\/;.* Secure/);
    assert.ok(cookieOf(done, "__Host-veil"));
  });

  test("a provider that is away is named, and nobody comes in", async () => {
    const port = await freePort();
    const options = { clientId: "veil", clientSecret, scope: "openid", rolesClaim: "roles", rolePrefix: "veil-" };
    const oidc = createOidc({
      ...{ ...options, issuer: `http://127.0.0.1:${port}`, callback: "http://127.0.0.1/", installationKey: "key" },
      fetch: createOutbound({ privateHosts: ["127.0.0.1"], remedy: "" }),
    });
    await assert.rejects(oidc.start(), { code: "identity-unavailable", message: new RegExp(`127.0.0.1:${port}`) });
    const guarded = createOidc({
      ...{ ...options, issuer: provider.issuer, callback: "http://127.0.0.1/", installationKey: "key" },
      fetch: createOutbound({ remedy: "Name it." }),
    });
    await assert.rejects(guarded.start(), { code: "identity-unavailable", message: /private network/ });
  });

  test("the log tells of logins, and holds nothing that one could log in with", () => {
    assert.match(veil.log(), /"msg":"somebody has logged in"/);
    assert.match(veil.log(), /"msg":"a login failed"/);
    assert.ok(!veil.log().includes(clientSecret));
    assert.ok(!/code=|veil_[0-9a-f]{16}_/.test(veil.log()), veil.log());
  });
});
