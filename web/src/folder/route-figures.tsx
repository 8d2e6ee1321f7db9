import { useTranslation } from "react-i18next";
import type { Status } from "../../../src/http/status-schema.ts";
import { formatDuration } from "../i18n/format.ts";
import classes from "./route-figures.module.css";
import { isTroubleClass } from "./trouble-class.ts";

interface RouteFiguresProps {
  readonly route: Status["routes"][number];
  readonly room: number;
}

/** How many wait and how long they will take, what failed or is in doubt by kind, what becomes of originals. */
export function RouteFigures({ route: { progress, originals }, room }: RouteFiguresProps) {
  const { t, i18n } = useTranslation();
  const { left, per_minute: pace, seconds_left: seconds, paused, dead, held, trying_again: again } = progress;
  const listed = (counts: Readonly<Record<string, number>>) => {
    const kinds = Object.entries(counts);
    const words = kinds.map(
      ([name, count]) => `${t(`folder.trouble.${isTroubleClass(name) ? name : "internal"}`)} ${count}`,
    );
    return words.join(t("routes.and"));
  };
  const rest =
    left > 0 && !paused && seconds !== null
      ? t("folder.rest", { time: formatDuration(seconds, i18n.language), pace: Math.max(1, Math.round(pace)) })
      : undefined;
  const [failed, doubtful, tried] = [dead, held, again].map(listed);
  return (
    <ul className={classes.figures}>
      <li className={classes.left}>{left > 0 ? t("folder.left", { count: left }) : t("routes.idle")}</li>
      {rest ? <li>{rest}</li> : null}
      {room >= 1 ? <li data-tone="look">{t("folder.full")}</li> : null}
      {failed ? <li data-tone="bad">{t("folder.troubles", { list: failed })}</li> : null}
      {doubtful ? <li data-tone="look">{t("routes.held", { list: doubtful })}</li> : null}
      {tried ? <li data-tone="look">{t("routes.again.list", { list: tried })}</li> : null}
      {originals === "keep" ? null : <li>{t(`routes.originals.${originals}`)}</li>}
    </ul>
  );
}
