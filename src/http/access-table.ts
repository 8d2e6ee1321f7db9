import type { AccessRole } from "../core/access.ts";

/** Who may ask: anybody, whoever has logged in, or whoever has one of these roles. */
export type Allowed = "anyone" | "known" | readonly AccessRole[];

/**
 * Who may do what, by method and path: the whole of it. A route that is not here keeps the server from starting. Seeing an
 * original takes `review`, which no other role brings along.
 */
export const accessTable: Readonly<Record<string, Allowed>> = {
  "GET /healthz": "anyone",
  "GET /readyz": "anyone",
  "GET /metrics": ["read"],
  // The page's own files; what it shows it has to ask for.
  "GET /": "anyone",
  "GET /*": "anyone",
  "GET /api/docs": "known",
  "GET /api/docs/": "known",
  "GET /api/docs/json": "known",
  "GET /api/docs/yaml": "known",
  "GET /api/docs/static/index.html": "known",
  "GET /api/docs/static/swagger-initializer.js": "known",
  "GET /api/docs/static/*": "known",
  "GET /api/openapi.json": "known",
  "GET /api/v1/session": "anyone",
  "POST /api/v1/session": "anyone",
  "DELETE /api/v1/session": "anyone",
  "GET /api/v1/session/login": "anyone",
  "GET /api/v1/session/callback": "anyone",
  "GET /api/v1/status": ["read", "submit"],
  "POST /api/v1/anonymize": ["submit"],
  "POST /api/v1/anonymize/base64": ["submit"],
  "POST /api/v1/anonymize/batch": ["submit"],
  "POST /api/v1/detect": ["submit"],
  "POST /api/v1/jobs": ["submit"],
  "GET /api/v1/jobs": ["read"],
  // Of these, whoever only hands in sees its own alone (jobs.ts); an object of a store takes `admin` (jobs.ts).
  "GET /api/v1/jobs/:id": ["read", "submit"],
  "GET /api/v1/jobs/:id/result": ["read", "submit"],
  "POST /api/v1/jobs/:id/retry": ["admin"],
  "POST /api/v1/jobs/retry": ["admin"],
  "POST /api/v1/jobs/pause": ["admin"],
  "POST /api/v1/jobs/resume": ["admin"],
  "GET /api/v1/reviews": ["review"],
  "GET /api/v1/reviews/:id": ["review"],
  "GET /api/v1/reviews/:id/original": ["review"],
  "POST /api/v1/reviews/:id/approve": ["review"],
  "POST /api/v1/reviews/:id/reject": ["review"],
  "GET /api/v1/ledger/records": ["audit"],
};

/** Of a route; undefined: it is not in the table. */
export function allowedAt(method: string, path: string): Allowed | undefined {
  // Answered as GET is, without the body.
  return accessTable[`${method === "HEAD" ? "GET" : method} ${path}`];
}
