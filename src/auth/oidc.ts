import { hkdfSync } from "node:crypto";
import type { Configuration } from "openid-client";
import { claimAt, type Principal, rolesIn, subjectId, withImplied } from "../core/access.ts";
import { Problem } from "../errors.ts";

export interface OidcOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
  readonly rolesClaim: string;
  readonly rolePrefix: string;
  /** Where the identity provider sends the browser back to: `…/api/v1/session/callback`. */
  readonly callback: string;
  /** Keeps what a login under way needs from whoever holds its cookie. */
  readonly installationKey: string;
  readonly fetch: typeof fetch;
}

/** A login under way. */
export interface StartedLogin {
  /** Where the browser goes to. */
  readonly url: string;
  /** What it has to bring back, sealed; for a cookie. */
  readonly state: string;
}

/** Logins of people at an identity provider: authorization code, with PKCE, state and nonce. */
export interface Oidc {
  start(): Promise<StartedLogin>;
  /** Who has logged in. Problems: unauthorized, identity-unavailable. */
  finish(returned: URL, state: string): Promise<Principal>;
}

const loginSeconds = 600;
const restMs = 10_000;

/** Asks the provider for its addresses at the first login, so that veil starts without it. */
export function createOidc(options: OidcOptions): Oidc {
  const { issuer, clientId, clientSecret, scope, rolesClaim, rolePrefix, callback, installationKey } = options;
  const sealKey = new Uint8Array(hkdfSync("sha256", installationKey, "", "veil login state", 32));
  let found: Promise<Configuration> | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;

  async function discover(): Promise<Configuration> {
    const client = await import("openid-client");
    const config = await client.discovery(new URL(issuer), clientId, clientSecret, undefined, {
      [client.customFetch]: options.fetch as never,
      // Which addresses may be asked, and by which protocol, `fetch` decides.
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
      timeout: 10,
    });
    config[client.clockTolerance as never] = 30 as never;
    return config;
  }

  async function provider(): Promise<Configuration> {
    if (found === undefined && performance.now() - failedAt < restMs) throw unavailable(issuer);
    found ??= discover();
    try {
      return await found;
    } catch (cause) {
      found = undefined;
      failedAt = performance.now();
      throw unavailable(issuer, cause);
    }
  }

  return {
    async start() {
      const config = await provider();
      const client = await import("openid-client");
      const { EncryptJWT } = await import("jose");
      const kept = {
        verifier: client.randomPKCECodeVerifier(),
        nonce: client.randomNonce(),
        state: client.randomState(),
      };
      const url = client.buildAuthorizationUrl(config, {
        ...{ redirect_uri: callback, scope, state: kept.state, nonce: kept.nonce },
        ...{ code_challenge: await client.calculatePKCECodeChallenge(kept.verifier), code_challenge_method: "S256" },
      });
      const state = await new EncryptJWT(kept)
        .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
        .setExpirationTime(`${loginSeconds}s`)
        .encrypt(sealKey);
      return { url: url.href, state };
    },

    async finish(returned, sealed) {
      const config = await provider();
      const client = await import("openid-client");
      const kept = await opened(sealed, sealKey);
      // As the provider knows it, whatever name the request came by.
      const current = new URL(callback);
      current.search = returned.search;
      try {
        const tokens = await client.authorizationCodeGrant(config, current, {
          ...{ pkceCodeVerifier: kept.verifier, expectedState: kept.state, expectedNonce: kept.nonce },
          idTokenExpected: true,
        });
        const claims = tokens.claims()!;
        const { preferred_username: name, sub } = claims;
        // A name may be chosen, and changed; what the provider knows somebody by stays.
        const isNamed = typeof name === "string" && name !== "" && name !== sub;
        return {
          ...{ name: isNamed ? `${name} (${sub})` : sub, via: "session", id: subjectId("person", issuer, sub) },
          roles: withImplied(rolesIn(claimAt(claims, rolesClaim), rolePrefix)),
        };
      } catch (cause) {
        if (cause instanceof Problem) throw unavailable(issuer, cause);
        throw new Problem("unauthorized", "The identity provider did not confirm this login", {
          remedy: "Log in again; the log says what was wrong.",
          cause,
        });
      }
    },
  };
}

interface Kept {
  readonly verifier: string;
  readonly nonce: string;
  readonly state: string;
}

async function opened(sealed: string, key: Uint8Array): Promise<Kept> {
  const { jwtDecrypt } = await import("jose");
  try {
    const options = {
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
      requiredClaims: ["exp"],
    };
    return (await jwtDecrypt(sealed, key, options)).payload as unknown as Kept;
  } catch (cause) {
    throw new Problem("unauthorized", "This login was not begun here, or too long ago", {
      remedy: "Log in again.",
      cause,
    });
  }
}

function unavailable(issuer: string, cause?: unknown): Problem {
  // The client's own words say less than what kept it from asking.
  let deepest = cause;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  const why = deepest instanceof Error ? `: ${deepest.message}` : "";
  const own = deepest instanceof Problem ? deepest.remedy : undefined;
  return new Problem("identity-unavailable", `The identity provider at ${new URL(issuer).host} can't be asked${why}`, {
    remedy: own ?? "Try again soon; auth.oidc.issuer says where it is. API keys go on working.",
    cause,
  });
}
