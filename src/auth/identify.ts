import type { Principal } from "../core/access.ts";
import { Problem } from "../errors.ts";
import type { Keys } from "../ledger/keys.ts";
import { looksLikeKey, principalOfKey } from "./api-key.ts";
import type { VerifyToken } from "./token.ts";

/** What came with a request. */
export interface Credentials {
  /** The Authorization header. */
  readonly authorization?: string | undefined;
  /** The session's cookie. */
  readonly session?: string | undefined;
}

/** Who asks; undefined: nobody that says so. Problem unauthorized: somebody says so, and it is not true. */
export type Identify = (credentials: Credentials) => Promise<Principal | undefined>;

export interface IdentifyParts {
  readonly keys: Pick<Keys, "get" | "used">;
  /** Absent: no tokens are taken. */
  readonly verifyToken?: VerifyToken | undefined;
}

export function createIdentify({ keys, verifyToken }: IdentifyParts): Identify {
  return async ({ authorization, session }) => {
    if (authorization !== undefined) {
      const text = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
      if (text === undefined) throw new Problem("unauthorized", "Expected Authorization: Bearer and a key or token");
      if (!looksLikeKey(text)) {
        if (verifyToken === undefined) throw new Problem("unauthorized", "Tokens are not taken here, API keys are");
        return verifyToken(text);
      }
      const found = await principalOfKey(text, { keys, now: Date.now() });
      // A session belongs to its cookie, which no script can read.
      if (found?.via === "key") return found;
      throw new Problem("unauthorized", "The API key is none, or not any more", {
        remedy: "veil keys list shows which there are, veil keys create makes a new one.",
      });
    }
    if (session === undefined) return undefined;
    const found = await principalOfKey(session, { keys, now: Date.now() });
    return found?.via === "session" ? found : undefined;
  };
}
