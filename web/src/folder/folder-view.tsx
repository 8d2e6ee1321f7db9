import { Loader } from "@mantine/core";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useStatus } from "../api/status.ts";
import { FolderJobs } from "./folder-jobs.tsx";
import classes from "./folder-view.module.css";
import { RouteList } from "./route-list.tsx";

/** The watched folders: where they are, whether they work, and what has become of everything in one of them, live. */
export function FolderView() {
  const { t } = useTranslation();
  const { data: status, isError } = useStatus();
  const [chosen, choose] = useState<string>();
  const jobsTitle = useRef<HTMLHeadingElement>(null);
  if (!status) return isError ? null : <Loader className={classes.loader ?? ""} />;
  const watched = status.routes.filter((route) => route.watched);
  const route = watched.find(({ name }) => name === chosen) ?? watched[0];
  if (!route) return <p>{t("folder.none")}</p>;
  const several = watched.length > 1;
  const allStay = watched.every(({ originals }) => originals === "keep");
  const show = (name: string) => {
    choose(name);
    jobsTitle.current?.focus();
  };
  return (
    <>
      <div className={classes.intro}>
        <h1 className={classes.title}>{t(several ? "folder.titles" : "folder.title")}</h1>
        <p className={classes.text}>
          {t(several ? "folder.intros" : "folder.intro")}
          {allStay ? t("folder.originals") : null}
        </p>
      </div>
      <RouteList
        routes={watched}
        room={status.room.share}
        allPaused={status.paused.all}
        chosen={route.name}
        onChoose={show}
      />
      {several ? (
        <h2 ref={jobsTitle} tabIndex={-1} className={classes.jobs}>
          {t("routes.jobs", { name: route.name })}
        </h2>
      ) : null}
      <FolderJobs key={route.name} route={route.name} />
    </>
  );
}
