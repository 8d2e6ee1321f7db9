import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { createTokenVerifier, type TokenOptions } from "../../src/auth/token.ts";
import type { TokenAlgorithm } from "../../src/core/token-algorithm.ts";
import { createOutbound } from "../../src/outbound.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = rsa.publicKey.export({ type: "spki", format: "pem" }).toString();
const issuer = "https://id.example.org/";

interface Wish {
  readonly claims?: JWTPayload;
  readonly header?: Record<string, unknown>;
  readonly key?: KeyObject | Uint8Array;
  readonly drop?: readonly string[];
}

/** A good token, but for what is wished. */
async function tokenOf({ claims = {}, header = {}, key = rsa.privateKey, drop = [] }: Wish = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const all: JWTPayload = {
    iss: issuer,
    aud: "veil",
    sub: "anna",
    exp: now + 600,
    roles: ["veil-review", "x"],
    ...claims,
  };
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => !drop.includes(name)));
  return new SignJWT(kept).setProtectedHeader({ alg: "RS256", typ: "JWT", ...header }).sign(key);
}

async function verifier(over: Partial<TokenOptions> & { readonly keys?: string } = {}) {
  const folder = await temporaryFolder();
  const keysFile = join(folder.path, "keys");
  await writeFile(keysFile, over.keys ?? pem);
  const { keys: _, ...rest } = over;
  const verify = await createTokenVerifier({
    ...{ issuer, audience: "veil", algorithms: ["RS256", "ES256"], type: "JWT", rolesClaim: "roles" },
    ...{ rolePrefix: "veil-", fetch: createOutbound({ remedy: "", privateHosts: ["127.0.0.1"] }), keysFile, ...rest },
  });
  return { verify, keysFile, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const refused = (message: RegExp) => ({ code: "unauthorized", message });

describe("tokens", () => {
  test("a good one names whose it is, with the roles that begin as they should and what they bring along", async () => {
    await using it = await verifier();
    assert.deepEqual(await it.verify(await tokenOf()), {
      ...{ name: "anna", via: "token", id: `token:["${issuer}","anna"]`, roles: ["read", "review"] },
    });
    const words = await tokenOf({ claims: { roles: "veil-admin admin veil-nothing" } });
    assert.deepEqual((await it.verify(words)).roles, ["submit", "read", "admin"]);
    const none = await tokenOf({ claims: { roles: { "veil-admin": true } } });
    assert.deepEqual((await it.verify(none)).roles, []);
  });

  test("roles may lie inside other claims, or in one whose name has dots", async () => {
    await using inside = await verifier({ rolesClaim: "realm_access.roles" });
    const token = await tokenOf({ claims: { realm_access: { roles: ["veil-audit"] } } });
    assert.deepEqual((await inside.verify(token)).roles, ["read", "audit"]);
    await using dotted = await verifier({ rolesClaim: "https://x.example/roles" });
    const named = await tokenOf({ claims: { "https://x.example/roles": ["veil-submit"] } });
    assert.deepEqual((await dotted.verify(named)).roles, ["submit"]);
  });

  test("none is taken that is not signed, by whatever it says about that", async () => {
    await using it = await verifier();
    const claims = { iss: issuer, aud: "veil", sub: "anna", exp: Math.floor(Date.now() / 1000) + 600 };
    await assert.rejects(it.verify(new UnsecuredJWT(claims).encode()), refused(/not signed/));
    const good = await tokenOf();
    const [header = "", payload = "", signature = ""] = good.split(".");
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const forged = [
      `${header}.${payload}.`,
      `${part({ alg: "none", typ: "JWT" })}.${payload}.`,
      `${part({ alg: "None", typ: "JWT" })}.${payload}.${signature}`,
      `${header}.${part({ ...claims, sub: "eve" })}.${signature}`,
      `${good}x`,
      "a.b.c",
      "",
    ];
    for (const token of forged) await assert.rejects(it.verify(token), refused(/not signed/), token);
    await assert.rejects(it.verify(await tokenOf({ key: other.privateKey })), refused(/not signed/));
  });

  test("a public key is never taken for a secret, and no other algorithm than the server's", async () => {
    await using it = await verifier();
    const [, payload = ""] = (await tokenOf()).split(".");
    const header = Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT" })).toString("base64url");
    for (const secret of [pem, pem.trim(), rsa.publicKey.export({ type: "pkcs1", format: "pem" })]) {
      const signature = createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url");
      await assert.rejects(it.verify(`${header}.${payload}.${signature}`), refused(/not signed/));
    }
    await assert.rejects(it.verify(await tokenOf({ header: { alg: "PS256" } })), refused(/not signed/));
  });

  test("a key in the token's own header counts for nothing", async () => {
    await using it = await verifier();
    const jwk = await exportJWK(other.publicKey);
    const token = await tokenOf({
      key: other.privateKey,
      header: { jwk, jku: "http://127.0.0.1:1/", kid: "../../etc" },
    });
    await assert.rejects(it.verify(token), refused(/not signed/));
  });

  test("each claim and the type are checked, and the answer says which is wrong", async () => {
    await using it = await verifier();
    const now = Math.floor(Date.now() / 1000);
    const wrong: readonly (readonly [Wish, RegExp])[] = [
      [{ claims: { iss: "https://id.example.org" } }, /token's iss/],
      [{ claims: { aud: "another" } }, /token's aud/],
      [{ claims: { aud: [] } }, /token's aud/],
      [{ claims: { exp: now - 60 } }, /has expired/],
      [{ claims: { nbf: now + 600 } }, /token's nbf/],
      [{ header: { typ: "at+jwt" } }, /token's typ/],
      ...["iss", "aud", "exp", "sub"].map((name) => [{ drop: [name] }, new RegExp(`token's ${name}`)] as const),
    ];
    for (const [wish, message] of wrong) await assert.rejects(it.verify(await tokenOf(wish)), refused(message));
    assert.equal((await it.verify(await tokenOf({ claims: { aud: ["x", "veil"] } }))).name, "anna");
  });

  test("a keys file that changes is read again, one that is gone leaves the last keys, and faults in it are named", async () => {
    await using it = await verifier();
    const set = { keys: [{ ...(await exportJWK(other.publicKey)), kid: "b", alg: "RS256" }] };
    await writeFile(it.keysFile, JSON.stringify(set));
    const token = await tokenOf({ key: other.privateKey, header: { kid: "b" } });
    assert.equal((await it.verify(token)).name, "anna");
    await assert.rejects(it.verify(await tokenOf()), refused(/not signed/));
    const bad: readonly (readonly [string, readonly TokenAlgorithm[], RegExp])[] = [
      ["garbage", ["RS256"], /neither a key in PEM nor a JWKS/],
      [rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), ["RS256"], /private key/],
      [pem, ["HS256"], /public key, which no algorithm/],
      [
        JSON.stringify({ keys: [{ kty: "oct", k: Buffer.alloc(32).toString("base64url") }] }),
        ["RS256"],
        /holds a secret/,
      ],
      [JSON.stringify({ keys: [{ kty: "oct", k: "c2hvcnQ" }] }), ["HS256"], /less than 32 bytes/],
    ];
    for (const [keys, algorithms, message] of bad)
      await assert.rejects(verifier({ keys, algorithms }), { code: "invalid-config", message });
  });

  test("a shared secret works where its algorithm is the one that was named", async () => {
    const secret = Buffer.alloc(32, 7);
    const keys = JSON.stringify({ keys: [{ kty: "oct", k: secret.toString("base64url") }] });
    await using it = await verifier({ keys, algorithms: ["HS256"] });
    assert.equal((await it.verify(await tokenOf({ key: secret, header: { alg: "HS256" } }))).name, "anna");
    await assert.rejects(it.verify(await tokenOf()), refused(/not signed/));
  });

  test("keys at an address are asked for, again when a new one signs, and not with each forged token", async () => {
    const first = { ...(await exportJWK(rsa.publicKey)), kid: "a", alg: "RS256" };
    let asked = 0;
    const server = createServer((_request, answer) => {
      asked += 1;
      answer.setHeader("content-type", "application/json").end(JSON.stringify({ keys: [first] }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
    try {
      await using it = await verifier({ keysFile: undefined, jwksUrl });
      assert.equal((await it.verify(await tokenOf({ header: { kid: "a" } }))).name, "anna");
      for (let index = 0; index < 20; index++)
        await assert.rejects(it.verify(await tokenOf({ header: { kid: `forged-${index}` } })), refused(/not signed/));
      assert.equal(asked, 1);
    } finally {
      server.close();
    }
    await using away = await verifier({ keysFile: undefined, jwksUrl });
    await assert.rejects(away.verify(await tokenOf({ header: { kid: "a" } })), { code: "identity-unavailable" });
  });
});
