import { z } from "zod";

/** A whole number. */
export const count = (min: number, max = Number.MAX_SAFE_INTEGER) => z.int().min(min).max(max);
/** A path, relative to the place that says it. */
export const folder = (shown: string, description: string) =>
  z.string().min(1).meta({ path: true, shown, description });
