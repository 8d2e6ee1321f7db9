import { IconPlayerPause } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Status } from "../../../src/http/status-schema.ts";
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

/** Broken ones first, then those that rest. */
function rankOf({ problem, resting }: Status["routes"][number]): number {
  return problem !== null ? 0 : resting !== null ? 1 : 2;
}

/** All routes between folders, those with trouble first. */
export function RouteList({ routes, room, allPaused, chosen, onChoose }: RouteListProps) {
  const { t } = useTranslation();
  const sorted = routes.toSorted((one, other) => rankOf(one) - rankOf(other));
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
