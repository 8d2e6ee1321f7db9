import type { FastifyInstance } from "fastify";

/** What a request took, for whoever traces. */
export interface RequestSpan {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly failure?: string | undefined;
  readonly parent?: string | undefined;
}

/** Each request to the API as a span, by its route: no path that was asked for, no query and no header goes with it. */
export function traceRequests(server: FastifyInstance, record: (span: RequestSpan) => void): void {
  server.addHook("onResponse", async ({ method, routeOptions, headers, principal }, { elapsedTime, statusCode }) => {
    const { url } = routeOptions;
    if (url === undefined || !url.startsWith("/api/v1/")) return;
    const to = Date.now();
    const { traceparent } = headers;
    record({
      ...{ name: `${method} ${url}`, from: to - elapsedTime, to },
      attributes: { "http.request.method": method, "http.route": url, "http.response.status_code": statusCode },
      ...(statusCode >= 500 && { failure: String(statusCode) }),
      ...(principal !== undefined && typeof traceparent === "string" && { parent: traceparent }),
    });
  });
}
