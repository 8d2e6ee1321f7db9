import { outline, type ShownRegion, type Size } from "./region-edits.ts";
import classes from "./region-overlay.module.css";

interface RegionOverlayProps {
  regions: readonly ShownRegion[];
  size: Size;
  selected: string | undefined;
}

/** Outlines over a picture: what was found, how sure, and what was drawn. To look at only; the list says it in words. */
export function RegionOverlay({ regions, size, selected }: RegionOverlayProps) {
  return (
    <div className={classes.overlay} aria-hidden="true">
      {regions.map((region) => {
        const { x, y, width, height } = outline(region);
        const place = {
          left: `${(100 * x) / size.width}%`,
          top: `${(100 * y) / size.height}%`,
          width: `${(100 * width) / size.width}%`,
          height: `${(100 * height) / size.height}%`,
        };
        const look = region.drawn ? "drawn" : "found";
        return (
          <span
            key={region.id}
            className={classes.region}
            style={place}
            data-look={look}
            data-selected={region.id === selected || undefined}
          >
            {/* A crowd's labels would hide the crowd. */}
            {regions.length <= 12 && !region.drawn ? (
              <span className={classes.score}>{region.score.toFixed(2)}</span>
            ) : null}
          </span>
        );
      })}
    </div>
  );
}
