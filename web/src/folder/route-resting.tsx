import { IconHourglassLow } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Status } from "../../../src/http/status-schema.ts";
import { formatMoment } from "../i18n/format.ts";
import { troubleTitle } from "../i18n/trouble-text.ts";
import { Notice } from "../shell/notice.tsx";
import classes from "./route-broken.module.css";
import { useNow } from "./use-now.ts";

/** Why a route's photos wait for its store, and when one of them tries it again. */
export function RouteResting({ resting }: { resting: Status["routes"][number]["resting"] }) {
  const { t, i18n } = useTranslation();
  const now = useNow();
  const isTried = resting !== null && Date.parse(resting.tried_at) <= now;
  return (
    <div role="status">
      {resting ? (
        <Notice
          tone="look"
          icon={<IconHourglassLow size={22} aria-hidden />}
          title={troubleTitle(resting, t, i18n.language)}
        >
          <p className={classes.words}>{resting.detail}</p>
          {resting.remedy ? <p className={classes.words}>{resting.remedy}</p> : null}
          <p className={classes.words}>{t("routes.resting.text")}</p>
          <p className={classes.words}>
            {isTried
              ? t("routes.resting.now")
              : t("routes.resting.until", { moment: formatMoment(resting.tried_at, i18n.language) })}
          </p>
        </Notice>
      ) : null}
    </div>
  );
}
