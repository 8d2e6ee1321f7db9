import { useTranslation } from "react-i18next";
import { originOf, type ShownRegion } from "../regions/region-edits.ts";
import { RegionSwatch } from "../regions/region-swatch.tsx";
import classes from "./review-legend.module.css";

const origins = ["first", "second", "drawn"] as const;

/** Which line means what, and how many there are of each. */
export function ReviewLegend({ regions }: { regions: readonly ShownRegion[] }) {
  const { t } = useTranslation();
  return (
    <ul className={classes.legend} aria-label={t("review.legend")}>
      {origins.map((origin) => (
        <li key={origin} className={classes.entry}>
          <RegionSwatch origin={origin} />
          {t(`review.legend.${origin}`)} <b>{regions.filter((region) => originOf(region) === origin).length}</b>
        </li>
      ))}
    </ul>
  );
}
