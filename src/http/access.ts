import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Identify } from "../auth/identify.ts";
import { type Limits, tooMany } from "../auth/limits.ts";
import type { Oidc } from "../auth/oidc.ts";
import { type AccessRole, accessRoles, type Principal } from "../core/access.ts";
import { Problem, toProblem } from "../errors.ts";
import type { Keys } from "../ledger/keys.ts";
import { type Allowed, allowedAt } from "./access-table.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; undefined: nobody known. */
    principal: Principal | undefined;
  }
}

/** How veil knows who asks, once there is a login. */
export interface Login {
  readonly identify: Identify;
  readonly limits: Limits;
  readonly keys: Keys;
  /** Absent: people log in to the page with API keys alone. */
  readonly oidc?: Oidc | undefined;
  readonly sessionMs: number;
}

/** Who may come in, and by which way. */
export interface Access {
  /** Absent: whoever is at this machine may do everything. */
  readonly login?: Login | undefined;
  /** The page's address for people, where it is not the one that is listened on: an origin. */
  readonly publicUrl?: string | undefined;
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  /** Addresses and networks. */
  readonly trustedProxies: readonly string[];
  /** Whether anybody may come by plain HTTP. */
  readonly allowPlain: boolean;
  /** All clients' together, and one client's. */
  readonly uploadsAtOnce: number;
  readonly clientUploadsAtOnce: number;
}

const local: Principal = { name: "local", via: "local", roles: accessRoles, id: "local" };

/** How the ledger names who asks; undefined: whoever runs the service. */
export function whoAsks({ principal }: FastifyRequest): string | undefined {
  return principal === undefined || principal.via === "local" ? undefined : `${principal.via}:${principal.name}`;
}

/** What stays of that one, whatever it is called: the id of its key, or of the person. */
export function ownerIdOf({ principal }: FastifyRequest): string | undefined {
  return principal === undefined || principal.via === "local" ? undefined : principal.id;
}

/** Finds out who asks, and lets in whom the table lets in. A route that the table lacks can't be added. */
export function admitByTable(server: FastifyInstance, access: Access): void {
  const { login } = access;
  server.decorateRequest("principal", undefined);
  server.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat())
      if (allowedAt(one, url) === undefined) throw new Error(`access-table.ts does not say who may ${one} ${url}`);
  });
  server.addHook("onRequest", async (request) => {
    const { url } = request.routeOptions;
    // What is not there is told to everybody.
    const allowed: Allowed = url === undefined ? "anyone" : (allowedAt(request.method, url) ?? []);
    if (login === undefined) {
      request.principal = local;
      return;
    }
    const isProbe = url === "/healthz" || url === "/readyz";
    if (!isProbe) await login.limits.address(request.ip);
    try {
      request.principal = await login.identify(credentialsOf(request, access));
    } catch (error) {
      const problem = toProblem(error);
      // Whoever only opens the page, or logs in anew, may have something old along.
      if (allowed !== "anyone") {
        if (problem.code !== "unauthorized") throw problem;
        await refuseLogin(request, login, problem);
      }
    }
    const { principal } = request;
    if (principal !== undefined) await login.limits.client(principal.id);
    require(request, allowed);
  });
}

/** Tells who failed to log in, and lets that address wait longer each time. */
export async function refuseLogin(request: FastifyRequest, { limits }: Login, problem: Problem): Promise<never> {
  const resting = await limits.restSeconds(request.ip);
  const seconds = resting > 0 ? resting : await limits.failed(request.ip);
  if (resting === 0) request.log.warn({ code: problem.code, address: request.ip, seconds }, "a login failed");
  if (seconds > 0) throw tooMany(seconds, "Logins from this address have failed too often");
  throw problem;
}

/** What a request says of who sends it. */
function credentialsOf(request: FastifyRequest, access: Access) {
  return { authorization: request.headers.authorization, session: sessionOf(request, access) };
}

/** The session's cookie; of a name that only veil itself can set, where the way is encrypted. */
export function sessionCookie(
  request: FastifyRequest,
  access: Access,
): { readonly name: string; readonly secure: boolean } {
  const secure = request.protocol === "https" || access.publicUrl?.startsWith("https:") === true;
  return { name: secure ? "__Host-veil" : "veil-session", secure };
}

function sessionOf(request: FastifyRequest, access: Access): string | undefined {
  return request.cookies[sessionCookie(request, access).name];
}

/** Problems: unauthorized, forbidden. */
function require({ principal }: FastifyRequest, allowed: Allowed): void {
  if (allowed === "anyone") return;
  if (principal === undefined) {
    throw new Problem("unauthorized", "Expected a login, or Authorization: Bearer with an API key or a token", {
      remedy: "veil keys create NAME --role ROLE makes an API key.",
    });
  }
  if (allowed === "known" || allowed.some((role) => principal.roles.includes(role))) return;
  const has = principal.roles.length === 0 ? "none" : principal.roles.join(", ");
  throw new Problem("forbidden", `Expected the role ${allowed.join(" or ")} but ${principal.name} has ${has}`, {
    remedy: "Whoever gave out the key, or manages roles at the identity provider, can give another one.",
  });
}

/** Whether whoever asks has one of the roles. */
export function hasRole({ principal }: FastifyRequest, role: AccessRole): boolean {
  return principal?.roles.includes(role) === true;
}
