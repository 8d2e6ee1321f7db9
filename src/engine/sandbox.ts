import type { Isolation } from "../core/isolation.ts";
import type { EngineOwner } from "./engine-folder.ts";

/** One way to shut engine processes in. */
export interface Sandbox {
  readonly kind: Isolation;
  /** Whom the process runs as, where it is not the service's own user. */
  readonly owner?: EngineOwner;
  /** Whether the system ends the process with its parent, so that it need not look whether that is still there. */
  readonly endsWithParent?: boolean;
  /** What stands before the process's own command; it is started in the engine process's folder. */
  command(folder: string): readonly string[];
}
