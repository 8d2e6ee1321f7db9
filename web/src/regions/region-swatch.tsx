import type { Origin } from "./region-edits.ts";
import classes from "./region-outline.module.css";

/** The outline of such a region in small, beside its words. */
export function RegionSwatch({ origin }: { origin: Origin }) {
  return <span className={`${classes.outline} ${classes.swatch}`} data-look={origin} aria-hidden="true" />;
}
