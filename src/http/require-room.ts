import type { FastifyInstance } from "fastify";
import type { Room } from "../pipeline/room.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered even where there is no room for work. */
    readonly needsNoRoom?: true;
  }
}

/** Refuses work with `no-room` before its body is read: a client comes again, and a full disk stays usable. */
export function requireRoom(server: FastifyInstance, room: Pick<Room, "require">): void {
  server.addHook("onRequest", async ({ method, routeOptions }) => {
    if (method === "POST" && routeOptions.config.needsNoRoom !== true) await room.require();
  });
}
