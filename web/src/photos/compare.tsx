import * as Slider from "react-compare-slider/components";
import { useReactCompareSlider } from "react-compare-slider/hooks";
import { useTranslation } from "react-i18next";
import type { ShownRegion, Size } from "../regions/region-edits.ts";
import { RegionOverlay } from "../regions/region-overlay.tsx";
import classes from "./compare.module.css";

interface CompareProps {
  before: string;
  after: string;
  name: string;
  size: Size;
  regions: readonly ShownRegion[];
  selected: string | undefined;
}

/** Before, with the regions and their scores, and after, under a divide that pointer and arrow keys move. */
export function Compare({ before, after, name, size, regions, selected }: CompareProps) {
  const { t } = useTranslation();
  const slider = useReactCompareSlider({ defaultPosition: 50 });
  return (
    <Slider.Provider {...slider}>
      <Slider.Root className={classes.root}>
        <Slider.Item item="itemOne" className={classes.item}>
          <img className={classes.picture} src={before} alt={t("photo.original", { name })} draggable={false} />
          <RegionOverlay
            regions={regions}
            size={size}
            selected={selected}
            // A crowd's labels would hide the crowd.
            labelOf={({ drawn, score }) => (regions.length <= 12 && !drawn ? score.toFixed(2) : undefined)}
          />
          <span className={classes.label}>{t("photo.before")}</span>
        </Slider.Item>
        <Slider.Item item="itemTwo" className={classes.item}>
          <img className={classes.picture} src={after} alt={t("photo.masked", { name })} draggable={false} />
          <span className={classes.label} data-side="after">
            {t("photo.after")}
          </span>
        </Slider.Item>
        <Slider.HandleRoot className={classes.handle} aria-label={t("photo.slider")}>
          <Slider.Handle />
        </Slider.HandleRoot>
      </Slider.Root>
    </Slider.Provider>
  );
}
