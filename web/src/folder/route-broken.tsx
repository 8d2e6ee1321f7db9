import { IconPlugConnectedX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Status } from "../../../src/http/status-schema.ts";
import { formatAgo, formatMoment } from "../i18n/format.ts";
import { troubleTitle } from "../i18n/trouble-text.ts";
import { Notice } from "../shell/notice.tsx";
import classes from "./route-broken.module.css";
import { useNow } from "./use-now.ts";

/** Why a route does not work, since when, and what can be done. */
export function RouteBroken({ problem }: { problem: Status["routes"][number]["problem"] }) {
  const { t, i18n } = useTranslation();
  const now = useNow();
  return (
    <div role="status">
      {problem ? (
        <Notice
          tone="bad"
          icon={<IconPlugConnectedX size={22} aria-hidden />}
          title={troubleTitle(problem, t, i18n.language)}
        >
          <p className={classes.words}>{problem.detail}</p>
          {problem.remedy ? <p className={classes.words}>{problem.remedy}</p> : null}
          <p className={classes.words}>
            {t("routes.since", {
              moment: formatMoment(problem.since, i18n.language),
              ago: formatAgo(problem.since, i18n.language, now),
            })}
          </p>
          <p className={classes.words}>{t("routes.again")}</p>
        </Notice>
      ) : null}
    </div>
  );
}
