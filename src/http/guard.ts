import type { FastifyInstance, FastifyRequest } from "fastify";
import { Problem } from "../errors.ts";
import { isLoopback, networks } from "../network-address.ts";
import type { Access } from "./access.ts";

const ownHosts = new Set(["localhost", "127.0.0.1", "[::1]"]);
/** What proxies add. One that adds none of it still speaks HTTP/1.0 as a rule, as nginx does, which no browser does. */
const forwarded = [
  ...["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"],
  ...["x-forwarded-server", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"],
];

/** Keeps other sites' pages out, and who may not come by this way. */
export function guardWays(server: FastifyInstance, access: Access): void {
  if (access.login === undefined) guardLoopback(server);
  else guardNetwork(server, access);
}

/**
 * Without a login only this machine's own pages may reach veil. A foreign page could get here by DNS rebinding, which
 * shows in Host, or by a cross-site request, which shows in Origin or Sec-Fetch-Site; a foreign machine through a proxy.
 */
function guardLoopback(server: FastifyInstance): void {
  server.addHook("onRequest", async (request) => {
    // HTTP/2 calls it :authority.
    const { host } = request;
    if (!host || !ownHosts.has(host.replace(/:\d+$/, "").toLowerCase())) {
      throw new Problem("forbidden-host", "Expected Host localhost, 127.0.0.1 or [::1]", {
        remedy: "Open veil by one of these names; it serves no others without a login: docs/security.md.",
      });
    }
    const isOld = request.raw.httpVersion === "1.0";
    const passedOn = isOld ? "HTTP/1.0" : forwarded.find((name) => request.headers[name] !== undefined);
    if (passedOn !== undefined) {
      throw new Problem("forbidden-host", `A proxy has passed this request on (${passedOn}), and there is no login`, {
        remedy: "Set auth.required to true and http.trustedProxies to the proxy's address: docs/security.md.",
      });
    }
    refuseOtherPages(request, `${request.protocol}://${host}`);
  });
}

/** With a login: encrypted, or from a proxy that is trusted to do that; and no other site's page. */
function guardNetwork(server: FastifyInstance, { certificate, trustedProxies, allowPlain, publicUrl }: Access): void {
  const proxies = networks(trustedProxies);
  server.addHook("onRequest", async (request) => {
    const { remoteAddress } = request.raw.socket;
    const { url } = request.routeOptions;
    const isPlain = certificate === undefined && !allowPlain && !isLoopback(remoteAddress);
    // Who asks whether veil lives brings nothing, and takes nothing away.
    if (isPlain && !proxies(remoteAddress) && url !== "/healthz" && url !== "/readyz") {
      throw new Problem("forbidden-host", "veil takes plain HTTP from its trusted proxies alone", {
        remedy: "Come by the proxy; http.trustedProxies names its address.",
      });
    }
    refuseOtherPages(request, `${request.protocol}://${request.host}`, publicUrl);
    // A browser sends a session's cookie by itself: it has to say that veil's own page has asked.
    const { origin, authorization, cookie } = request.headers;
    const isRead = request.method === "GET" || request.method === "HEAD";
    const saysOwn = origin !== undefined || request.headers["sec-fetch-site"] === "same-origin";
    if (!isRead && authorization === undefined && cookie !== undefined && !saysOwn) {
      throw new Problem("forbidden-origin", "Expected Origin, or Sec-Fetch-Site, beside a session's cookie", {
        remedy: "Programs use an API key: Authorization: Bearer.",
      });
    }
  });
}

function refuseOtherPages(request: FastifyRequest, own: string, publicUrl?: string): void {
  const { origin } = request.headers;
  const site = request.headers["sec-fetch-site"];
  if (origin !== undefined && origin !== own && origin !== publicUrl) {
    throw new Problem("forbidden-origin", "Expected no Origin, or veil's own", {
      remedy: "Call veil from its own page or without a browser; http.publicUrl says by which name people find it.",
    });
  }
  // A link that a person follows from elsewhere is a navigation and may open the page, and end a login.
  const isPage = !request.url.startsWith("/api/v1/") || request.url.startsWith("/api/v1/session/");
  const navigation = isPage && request.headers["sec-fetch-mode"] === "navigate" && request.method === "GET";
  if ((site === "cross-site" || site === "same-site") && !navigation) {
    throw new Problem("forbidden-origin", "Another site's page made this request", {
      remedy: "Call veil from its own page.",
    });
  }
}

/** Headers that keep a browser from running or embedding what is not the page's own, and from storing any picture. */
export function hardenReplies(server: FastifyInstance): void {
  server.addHook("onSend", async (request, reply) => {
    reply.header("x-content-type-options", "nosniff");
    reply.header("x-frame-options", "DENY");
    reply.header("referrer-policy", "no-referrer");
    reply.header("cross-origin-resource-policy", "same-origin");
    reply.header("cross-origin-opener-policy", "same-origin");
    if (request.protocol === "https") reply.header("strict-transport-security", "max-age=31536000");
    // Only the page's own files say how they may be cached.
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
    if (!reply.hasHeader("content-security-policy")) {
      const type = String(reply.getHeader("content-type") ?? "");
      reply.header("content-security-policy", type.startsWith("image/") ? pictureRules : pageRules);
    }
  });
}

/** A picture is looked at and does nothing, whatever is in it. */
const pictureRules = "default-src 'none'; sandbox; frame-ancestors 'none'";
/** The component library writes style attributes; scripts come from files alone. */
const pageRules =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
