import { Loader, SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useStatus } from "../api/status.ts";
import { FolderJobs } from "./folder-jobs.tsx";
import { FolderPaths } from "./folder-paths.tsx";
import { FolderProgress } from "./folder-progress.tsx";
import classes from "./folder-view.module.css";
import { PassedOver } from "./passed-over.tsx";

/** The watched folder: where it is, and what has become of everything in it, live. */
export function FolderView() {
  const { t } = useTranslation();
  const { data: status, isError } = useStatus();
  const [chosen, choose] = useState<string>();
  if (!status) return isError ? null : <Loader className={classes.loader ?? ""} />;
  const watched = status.routes.filter((route) => route.watched);
  const route = watched.find(({ name }) => name === chosen) ?? watched[0];
  if (!route) return <p>{t("folder.none")}</p>;
  return (
    <>
      <div className={classes.intro}>
        <h1 className={classes.title}>{t("folder.title")}</h1>
        {watched.length > 1 ? (
          <SegmentedControl
            aria-label={t("folder.choose")}
            value={route.name}
            onChange={choose}
            data={watched.map(({ name }) => name)}
          />
        ) : null}
        <p className={classes.text}>{t("folder.intro")}</p>
      </div>
      <FolderPaths input={route.input} output={route.output} />
      <PassedOver {...route.passed_over} />
      <FolderProgress progress={route.progress} room={status.room.share} />
      <FolderJobs key={route.name} route={route.name} />
    </>
  );
}
