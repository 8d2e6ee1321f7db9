import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { mintKey, principalOfKey } from "../auth/api-key.ts";
import type { Principal } from "../core/access.ts";
import { Problem } from "../errors.ts";
import { type Login, refuseLogin, sessionCookie } from "./access.ts";
import type { HttpParts } from "./parts.ts";
import { noQuerySchema } from "./schema.ts";
import { keyLoginSchema, type SessionBody, sessionSchema } from "./session-schema.ts";

const statePath = "/api/v1/session";
const stateSeconds = 600;

/** Who is asking, and how people log in to the page and out of it. */
export function sessionRoutes({ access, ledger }: Pick<HttpParts, "access" | "ledger">): FastifyPluginAsyncZod {
  const { login } = access;

  function sessionBody(principal: Principal | undefined): SessionBody {
    return {
      login_required: login !== undefined,
      name: principal?.name ?? null,
      roles: [...(principal?.roles ?? [])],
      ways: login === undefined ? [] : ["key" as const, ...(login.oidc ? ["oidc" as const] : [])],
    };
  }

  function needLogin(): Login {
    if (login !== undefined) return login;
    throw new Problem("not-found", "There is no login here", { remedy: "docs/security.md says how to have one." });
  }

  /** Lets somebody in until the session ends; the cookie is for the browser alone, and for no other site's request. */
  async function letIn(
    request: FastifyRequest,
    reply: FastifyReply,
    { name, roles, keyId, id }: Principal,
  ): Promise<void> {
    const { keys, sessionMs } = needLogin();
    const now = Date.now();
    await keys.forget(now);
    const expiresAt = keyId === undefined ? undefined : (await keys.get(keyId))?.expiresAt;
    const left = expiresAt === undefined ? sessionMs : Math.min(sessionMs, expiresAt - now);
    const { text, stored } = mintKey({ kind: "session", name, roles, now, lifeMs: left, parent: keyId ?? id });
    await keys.add(stored);
    const key = { id: stored.id, roles: stored.roles };
    await ledger.note({ at: now, outcome: "logged-in", who: `session:${name}`, key });
    const { name: cookie, secure } = sessionCookie(request, access);
    reply.setCookie(cookie, text, { httpOnly: true, secure, sameSite: "strict", path: "/", maxAge: sessionMs / 1000 });
    request.log.info({ session: stored.id, address: request.ip }, "somebody has logged in");
  }

  /**
   * Holds a login under way, for the few minutes that one takes; of a name that no other host of the domain can set, where
   * the way is encrypted: it could have somebody log in as another one.
   */
  function stateCookie(request: FastifyRequest) {
    const { secure } = sessionCookie(request, access);
    return {
      name: secure ? "__Host-veil-login" : "veil-login",
      // Lax: the browser comes back from the provider's site. Cookies of such names are for all paths.
      options: { httpOnly: true, secure, sameSite: "lax", path: secure ? "/" : statePath } as const,
    };
  }

  return async (server) => {
    server.get(
      "/session",
      {
        schema: {
          summary: "Who is asking, what that one may do, and how to log in",
          tags: ["operation"],
          response: { 200: sessionSchema },
        },
      },
      async ({ principal }) => sessionBody(principal),
    );

    server.post(
      "/session",
      {
        schema: {
          summary: "Log in to the page with an API key",
          tags: ["operation"],
          querystring: noQuerySchema,
          body: keyLoginSchema,
          response: { 200: sessionSchema },
        },
        config: { bodies: { "application/json": keyLoginSchema }, needsNoRoom: true },
      },
      async (request, reply) => {
        const its = needLogin();
        const found = await principalOfKey(request.body.key.trim(), { keys: its.keys, now: Date.now() });
        if (found?.via !== "key") {
          return refuseLogin(request, its, new Problem("unauthorized", "The API key is none, or not any more"));
        }
        await letIn(request, reply, found);
        return sessionBody(found);
      },
    );

    server.delete(
      "/session",
      { schema: { summary: "Log out", tags: ["operation"], response: { 200: sessionSchema } } },
      async (request, reply) => {
        const { principal } = request;
        if (principal?.via === "session" && login !== undefined) {
          await login.keys.revoke(principal.keyId!, Date.now());
          const key = { id: principal.keyId!, roles: principal.roles };
          await ledger.note({ at: Date.now(), outcome: "logged-out", who: `session:${principal.name}`, key });
        }
        const { name, secure } = sessionCookie(request, access);
        reply.clearCookie(name, { path: "/", secure, httpOnly: true, sameSite: "strict" });
        return sessionBody(undefined);
      },
    );

    server.get(
      "/session/login",
      { schema: { summary: "Log in at the identity provider: answers where to go", tags: ["operation"] } },
      async (request, reply) => {
        const { url, state } = await oidcOf(needLogin()).start();
        const { name, options } = stateCookie(request);
        reply.setCookie(name, state, { ...options, maxAge: stateSeconds });
        return reply.redirect(url);
      },
    );

    server.get("/session/callback", { schema: { hide: true } }, async (request, reply) => {
      const its = needLogin();
      const { name, options } = stateCookie(request);
      reply.clearCookie(name, options);
      const state = request.cookies[name] ?? "";
      try {
        await letIn(request, reply, await oidcOf(its).finish(new URL(request.url, "http://veil"), state));
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== "unauthorized") throw error;
        request.log.warn({ err: error.cause }, "a login at the identity provider failed");
        await refuseLogin(request, its, error);
      }
      return reply.redirect("/");
    });
  };
}

function oidcOf({ oidc }: Login) {
  if (oidc !== undefined) return oidc;
  throw new Problem("not-found", "There is no identity provider", {
    remedy: "Log in with an API key, or set auth.oidc.issuer.",
  });
}
