import type { FastifyInstance } from "fastify";
import { Problem } from "../errors.ts";

/** Refuses a body of another content type than its route describes, before any of it is read. */
export function requireMediaType(server: FastifyInstance): void {
  server.addHook("onRequest", async ({ routeOptions, headers }) => {
    const { bodies } = routeOptions.config;
    if (bodies === undefined) return;
    const [given = "", ...parameters] = (headers["content-type"] ?? "")
      .toLowerCase()
      .split(";")
      .map((it) => it.trim());
    const isForm = given === "multipart/form-data";
    if (isForm && !parameters.some((parameter) => parameter.startsWith("boundary="))) {
      throw new Problem("invalid-request", "Expected a boundary beside multipart/form-data", {
        remedy: "Leave the header to your HTTP client: curl -F, FormData.",
      });
    }
    if (Object.hasOwn(bodies, given)) return;
    const wanted = Object.keys(bodies).join(" or ");
    throw new Problem("unsupported-media-type", `Expected ${wanted} but received ${given || "no content type"}`, {
      remedy: "See /api/docs.",
    });
  });
}
