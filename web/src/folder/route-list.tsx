import { IconPlayerPause } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Status } from "../../../src/http/schema.ts";
import { Notice } from "../shell/notice.tsx";
import { PauseButton } from "./pause-button.tsx";
import { RouteCard } from "./route-card.tsx";
import classes from "./route-list.module.css";

interface RouteListProps {
  readonly routes: Status["routes"];
  readonly room: number;
  readonly allPaused: boolean;
  readonly chosen: string;
  readonly onChoose: (name: string) => void;
}

/** All routes between folders, broken ones first. */
export function RouteList({ routes, room, allPaused, chosen, onChoose }: RouteListProps) {
  const { t } = useTranslation();
  const sorted = routes.toSorted((one, other) => Number(other.problem !== null) - Number(one.problem !== null));
  return (
    <>
      {allPaused ? (
        <div className={classes.paused}>
          <Notice
            tone="look"
            icon={<IconPlayerPause size={22} aria-hidden />}
            title={t("routes.allPaused")}
            action={<PauseButton verb="resume" />}
          >
            {t("routes.allPaused.text")}
          </Notice>
        </div>
      ) : null}
      <ul className={classes.list} aria-label={t("routes.list")}>
        {sorted.map((route) => (
          <RouteCard
            key={route.name}
            {...{ route, room, allPaused }}
            chosen={route.name === chosen}
            {...(routes.length > 1 && { onChoose: () => onChoose(route.name) })}
          />
        ))}
      </ul>
    </>
  );
}
