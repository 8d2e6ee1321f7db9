import type { FastifyInstance } from "fastify";
import { Problem } from "../errors.ts";

const ownHosts = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Without a login only this machine's own pages may reach veil. A foreign page could get here by DNS rebinding, which
 * shows in Host, or by a cross-site request, which shows in Origin or Sec-Fetch-Site.
 */
export function guardLoopback(server: FastifyInstance): void {
  server.addHook("onRequest", async (request) => {
    const { host, origin } = request.headers;
    const site = request.headers["sec-fetch-site"];
    if (host === undefined || !ownHosts.has(host.replace(/:\d+$/, "").toLowerCase())) {
      throw new Problem("forbidden-host", "Expected Host localhost, 127.0.0.1 or [::1]", {
        remedy: "Open veil by one of these names; it serves no others while it has no login.",
      });
    }
    if (origin !== undefined && origin !== `http://${host}`) {
      throw new Problem("forbidden-origin", "Expected no Origin, or veil's own", {
        remedy: "Call veil from its own page or without a browser.",
      });
    }
    // A link that a person follows from elsewhere is a navigation and may open the page.
    const navigation = request.headers["sec-fetch-mode"] === "navigate" && request.method === "GET";
    if (site === "cross-site" && !navigation) {
      throw new Problem("forbidden-origin", "Another site's page made this request", {
        remedy: "Call veil from its own page.",
      });
    }
  });
}

/** Headers that keep a browser from running or embedding what is not the page's own, and from storing any picture. */
export function hardenReplies(server: FastifyInstance): void {
  server.addHook("onSend", async (_request, reply) => {
    reply.header("x-content-type-options", "nosniff");
    reply.header("x-frame-options", "DENY");
    reply.header("referrer-policy", "no-referrer");
    reply.header("cross-origin-resource-policy", "same-origin");
    reply.header("cross-origin-opener-policy", "same-origin");
    // Only the page's own files say how they may be cached.
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
    if (!reply.hasHeader("content-security-policy")) {
      reply.header(
        "content-security-policy",
        // The component library writes style attributes; scripts come from files alone.
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      );
    }
  });
}
