import { clampBox, originOf, outline, type ShownRegion, type Size } from "./region-edits.ts";
import outlines from "./region-outline.module.css";
import classes from "./region-overlay.module.css";

interface RegionOverlayProps {
  regions: readonly ShownRegion[];
  size: Size;
  selected: string | undefined;
  /** What is written at a region. */
  labelOf: (region: ShownRegion, index: number) => string | undefined;
}

/** Of the height: a label above a region that begins there would be cut off. */
const nearTop = 0.04;

/** Outlines over a picture: what was found, by which look, and what was drawn. To look at only; the list says it in words. */
export function RegionOverlay({ regions, size, selected, labelOf }: RegionOverlayProps) {
  return (
    <div className={classes.overlay} aria-hidden="true">
      {regions.map((region, index) => {
        const label = labelOf(region, index);
        const { x, y, width, height } = clampBox(outline(region), size);
        const place = {
          left: `${(100 * x) / size.width}%`,
          top: `${(100 * y) / size.height}%`,
          width: `${(100 * width) / size.width}%`,
          height: `${(100 * height) / size.height}%`,
        };
        return (
          <span
            key={region.id}
            className={`${outlines.outline} ${classes.region}`}
            style={place}
            data-look={originOf(region)}
            data-selected={region.id === selected || undefined}
          >
            {label ? (
              <span className={classes.label} data-inside={y < size.height * nearTop || undefined}>
                {label}
              </span>
            ) : null}
          </span>
        );
      })}
    </div>
  );
}
