import type { Limits } from "../core/media.ts";
import { Problem } from "../errors.ts";

/** Problem too-large for a file above the limit, before anything of it is read. */
export function refuseLarge(size: number, { maxBytes }: Pick<Limits, "maxBytes">): void {
  if (size <= maxBytes) return;
  throw new Problem("too-large", `Expected at most ${maxBytes} bytes but received ${size}`, {
    remedy: "Raise limits.maxBytes, or send a smaller file.",
  });
}
