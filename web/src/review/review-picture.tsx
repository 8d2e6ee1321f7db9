import { ActionIcon, Switch, Tooltip } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconZoomIn, IconZoomOut } from "@tabler/icons-react";
import { type CSSProperties, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { RegionEditor } from "../regions/region-editor.tsx";
import { outline, type ShownRegion, type Size } from "../regions/region-edits.ts";
import { RegionOverlay } from "../regions/region-overlay.tsx";
import type { RegionEditing } from "../regions/use-region-editing.ts";
import classes from "./review-picture.module.css";
import { type Place, useZoom } from "./use-zoom.ts";

interface ReviewPictureProps {
  url: string;
  name: string;
  /** Absent: no region can be placed in it. */
  size: Size | undefined;
  /** All of them; those of frames that are not shown count with the others. */
  regions: readonly ShownRegion[];
  selected: string | undefined;
  onSelect: (id: string | undefined) => void;
  editing: RegionEditing;
}

/** More numbers than that would hide who is in the picture. */
const mostLabels = 24;

/** The original as large as fits, or larger, with its regions and their numbers in the list. */
export function ReviewPicture({ url, name, size, regions, selected, onSelect, editing }: ReviewPictureProps) {
  const { t } = useTranslation();
  const stage = useRef<HTMLDivElement>(null);
  const seen = regions.filter(({ frames }) => !frames);
  const { times, nearer, farther } = useZoom(stage, size && placeOf(seen, selected, size));
  // With a finger a drag has to scroll past the picture too; with a mouse it is there to draw.
  const isTouched = useMediaQuery("(pointer: coarse)") === true;
  const [draws, setDraws] = useState(false);
  const numbers = new Map(regions.map(({ id }, index) => [id, String(index + 1)]));
  const frame = size && { "--ratio": size.width / size.height, aspectRatio: `${size.width} / ${size.height}` };
  return (
    <div className={classes.picture}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be scrolled by keys too */}
      <section ref={stage} className={classes.stage} tabIndex={0} aria-label={t("photo.original", { name })}>
        {size ? (
          <div className={classes.frame} style={{ ...frame, "--times": times } as CSSProperties}>
            <RegionEditor
              url={url}
              label={t("review.hint")}
              size={size}
              still={isTouched && !draws}
              bare
              regions={seen}
              selected={selected}
              onSelect={onSelect}
              editing={editing}
            />
            <RegionOverlay
              regions={seen}
              size={size}
              selected={selected}
              labelOf={({ id }) => (seen.length <= mostLabels || id === selected ? numbers.get(id) : undefined)}
            />
          </div>
        ) : (
          <img className={classes.plain} src={url} alt={t("photo.original", { name })} />
        )}
      </section>
      <div className={classes.tools}>
        <ZoomButton icon={<IconZoomOut size={20} aria-hidden />} label={t("review.farther")} onClick={farther} />
        <output className={classes.times} aria-label={t("review.zoom")}>
          {times} ×
        </output>
        <ZoomButton icon={<IconZoomIn size={20} aria-hidden />} label={t("review.nearer")} onClick={nearer} />
        {isTouched && size ? (
          <Switch
            label={t("review.draws")}
            checked={draws}
            onChange={({ currentTarget }) => setDraws(currentTarget.checked)}
          />
        ) : null}
        <p className={classes.hint}>
          {size ? t("review.hint") : null} {t("review.recorded")}
        </p>
      </div>
    </div>
  );
}

interface ZoomButtonProps {
  icon: React.ReactNode;
  label: string;
  onClick: (() => void) | undefined;
}

function ZoomButton({ icon, label, onClick }: ZoomButtonProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="default" size={36} aria-label={label} disabled={!onClick} {...(onClick && { onClick })}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

/** The middle of the region that is selected. */
function placeOf(seen: readonly ShownRegion[], selected: string | undefined, size: Size): Place | undefined {
  const region = seen.find(({ id }) => id === selected);
  if (!region) return undefined;
  const { x, y, width, height } = outline(region);
  return { x: (x + width / 2) / size.width, y: (y + height / 2) / size.height };
}
