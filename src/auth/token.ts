import type { JWTVerifyOptions } from "jose";
import { claimAt, type Principal, rolesIn, subjectId, withImplied } from "../core/access.ts";
import type { TokenAlgorithm } from "../core/token-algorithm.ts";
import { Problem } from "../errors.ts";
import { keysOf, type TokenKeyOptions } from "./token-keys.ts";

export interface TokenOptions extends TokenKeyOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly TokenAlgorithm[];
  /** The header's `typ`. */
  readonly type: string;
  /** Where the roles stand among the claims, and what each begins with. */
  readonly rolesClaim: string;
  readonly rolePrefix: string;
}

/** Whose token it is. Problem unauthorized, which says what is wrong with it. */
export type VerifyToken = (token: string) => Promise<Principal>;

const toleranceSeconds = 30;

/** Checks JWTs: signature, `iss`, `aud`, `exp`, `nbf` and `typ`. Problem invalid-config where its keys can't be used. */
export async function createTokenVerifier(options: TokenOptions): Promise<VerifyToken> {
  const { issuer, audience, algorithms, type, rolesClaim, rolePrefix } = options;
  const jose = await import("jose");
  const keyOf = await keysOf(options);
  const wanted: JWTVerifyOptions = {
    ...{ issuer, audience, algorithms: [...algorithms], typ: type, clockTolerance: toleranceSeconds },
    requiredClaims: ["iss", "aud", "exp", "sub"],
  };
  return async (token) => {
    try {
      const { payload } = await jose.jwtVerify(token, keyOf, wanted);
      const name = String(payload.sub);
      return {
        name,
        via: "token",
        id: subjectId("token", issuer, name),
        roles: withImplied(rolesIn(claimAt(payload, rolesClaim), rolePrefix)),
      };
    } catch (error) {
      throw refusal(error, jose.errors);
    }
  };
}

function refusal(error: unknown, errors: typeof import("jose").errors): Problem {
  const cause = { cause: error };
  // What is said of claims is said of a token whose signature is right.
  if (error instanceof errors.JWTExpired) return new Problem("unauthorized", "The token has expired", cause);
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new Problem("unauthorized", `The token's ${error.claim} is not what is expected here`, {
      remedy: "auth.jwt.issuer, auth.jwt.audience and auth.jwt.type say what is.",
      ...cause,
    });
  }
  if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) {
    const why = error instanceof Problem ? `: ${error.message}` : "";
    const detail = `The keys that tokens are checked with can't be had at the moment${why}`;
    return new Problem("identity-unavailable", detail, {
      remedy: "Look at the log, and at auth.jwt.jwksUrl.",
      ...cause,
    });
  }
  return new Problem("unauthorized", "The token is not signed as is expected here", cause);
}
