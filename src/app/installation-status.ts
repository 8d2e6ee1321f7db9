import type { Config } from "../config.ts";
import { hasHeicDecoder } from "../engine/heic.ts";
import type { FolderRoutes } from "../folder-routes.ts";
import { statusOf } from "../http/status.ts";
import type { Status } from "../http/status-schema.ts";
import type { StuckRoutes } from "../pipeline/stuck-routes.ts";
import { version } from "../version.ts";
import type { WorkLimits } from "./work-limits.ts";

export interface InstallationStatusParts {
  readonly detector: { readonly name: string; readonly digest: string };
  readonly folders: Pick<FolderRoutes, "current">;
  readonly work: Pick<WorkLimits, "room" | "paused" | "progress">;
  readonly stuck: Pick<StuckRoutes, "restOf">;
}

/** What the page is told about this installation, as it is at each call. */
export async function installationStatus(
  { limits, policy }: Pick<Config, "limits" | "policy">,
  { detector, folders, work: { room, paused, progress }, stuck: { restOf } }: InstallationStatusParts,
): Promise<() => Promise<Status>> {
  const formats = ["jpeg", "png", "webp", "avif", "tiff", "gif", ...((await hasHeicDecoder()) ? ["heic"] : [])];
  const facts = { version, detector, limits, formats, policy, restOf };
  return async () => {
    const now = { progress: await progress(), paused: paused.current(), room: await room.look() };
    return statusOf({ ...facts, ...now, routes: folders.current() });
  };
}
