import { useTranslation } from "react-i18next";
import type { Status } from "../../../src/http/schema.ts";
import { formatDuration } from "../i18n/format.ts";
import classes from "./folder-progress.module.css";
import { isTroubleClass } from "./trouble-class.ts";

/** How long the rest will take, whether it is told to wait, and what kinds of trouble there were: one quiet line. */
export function FolderProgress({ progress, room }: { progress: Status["routes"][number]["progress"]; room: number }) {
  const { t, i18n } = useTranslation();
  const { left, per_minute: pace, seconds_left: seconds, paused, dead } = progress;
  const rest =
    left > 0 && !paused && seconds !== null
      ? t("folder.rest", { time: formatDuration(seconds, i18n.language), pace: Math.max(1, Math.round(pace)) })
      : undefined;
  const troubles = Object.entries(dead).map(
    ([name, count]) => `${t(`folder.trouble.${isTroubleClass(name) ? name : "internal"}`)} ${count}`,
  );
  const parts = [
    paused ? t("folder.paused") : undefined,
    room >= 1 ? t("folder.full") : undefined,
    rest,
    troubles.length > 0 ? t("folder.troubles", { list: troubles.join(", ") }) : undefined,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? null : <p className={classes.line}>{parts.join(" · ")}</p>;
}
