import { Button } from "@mantine/core";
import { IconPhoto } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Status } from "../../../src/http/status-schema.ts";
import { Pill } from "../shell/pill.tsx";
import { FolderPaths } from "./folder-paths.tsx";
import { PassedOver } from "./passed-over.tsx";
import { PauseButton } from "./pause-button.tsx";
import { RouteBroken } from "./route-broken.tsx";
import classes from "./route-card.module.css";
import { RouteFigures } from "./route-figures.tsx";
import { RouteResting } from "./route-resting.tsx";

interface RouteCardProps {
  readonly route: Status["routes"][number];
  readonly room: number;
  /** Everything is told to wait: one route can't go on alone. */
  readonly allPaused: boolean;
  readonly chosen: boolean;
  /** Absent: it is the only one. */
  readonly onChoose?: () => void;
}

/** One route: whether it works, from where to where, how far it is, and what is the matter with it. */
export function RouteCard({ route, room, allPaused, chosen, onChoose }: RouteCardProps) {
  const { t } = useTranslation();
  const { name, problem, resting, progress, stands_by: standsBy, passed_over: passedOver } = route;
  const works = !problem && !resting && !standsBy && !progress.paused;
  return (
    <li
      className={`card ${classes.route}`}
      data-broken={problem !== null || undefined}
      data-chosen={(chosen && onChoose !== undefined) || undefined}
      aria-label={t("routes.name", { name })}
    >
      <div className={classes.head}>
        <h2 className={classes.name}>{name}</h2>
        {problem ? <Pill tone="bad">{t("routes.broken")}</Pill> : null}
        {resting ? <Pill tone="look">{t("routes.resting")}</Pill> : null}
        {progress.paused ? <Pill tone="look">{t("folder.paused")}</Pill> : null}
        {standsBy ? <Pill tone="quiet">{t("routes.standsBy")}</Pill> : null}
        {works ? <Pill tone="good">{t("routes.works")}</Pill> : null}
        <div className={classes.actions}>
          {allPaused ? null : <PauseButton verb={progress.paused ? "resume" : "pause"} route={name} />}
          {onChoose ? (
            <Button
              size="xs"
              variant="default"
              aria-pressed={chosen}
              aria-label={t("routes.showOf", { name })}
              leftSection={<IconPhoto size={15} stroke={1.8} aria-hidden />}
              onClick={onChoose}
            >
              {t("routes.show")}
            </Button>
          ) : null}
        </div>
      </div>
      <RouteBroken problem={problem} />
      <RouteResting resting={problem ? null : resting} />
      <FolderPaths input={route.input} output={route.output} />
      {standsBy ? <p className={classes.aside}>{t("routes.standsBy.text")}</p> : null}
      <RouteFigures route={route} room={room} />
      <PassedOver {...passedOver} />
    </li>
  );
}
