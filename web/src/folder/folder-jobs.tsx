import { Button } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useJobs } from "../api/jobs.ts";
import { FolderEmpty } from "./folder-empty.tsx";
import classes from "./folder-jobs.module.css";
import { GroupFilter } from "./group-filter.tsx";
import { countOf, type Group, groups } from "./job-groups.ts";
import { JobsTable } from "./jobs-table.tsx";
import { SkippedKinds } from "./skipped-kinds.tsx";

/** A route's jobs: how many in which state, and a page of them. */
export function FolderJobs({ route }: { route: string }) {
  const { t } = useTranslation();
  const [group, setGroup] = useState<Group>("all");
  // The cursors of the pages turned over so far; the last is the one being looked at.
  const [cursors, setCursors] = useState<readonly string[]>([""]);
  const { data, isError } = useJobs({ route, state: groups[group].join(","), after: cursors.at(-1)! });
  if (!data) return null;
  const { jobs, next, counts } = data;
  const choose = (chosen: Group) => {
    setGroup(chosen);
    setCursors([""]);
  };
  return (
    <>
      <GroupFilter counts={counts} live={!isError} group={group} onChoose={choose} />
      <SkippedKinds route={route} skipped={counts.skipped ?? 0} />
      {jobs.length > 0 ? (
        <JobsTable jobs={jobs} />
      ) : (
        <FolderEmpty filtered={group !== "all" && countOf("all", counts) > 0} />
      )}
      {cursors.length > 1 || next ? (
        <nav className={classes.pages} aria-label={t("jobs.caption")}>
          <Button
            variant="default"
            disabled={cursors.length === 1}
            leftSection={<IconChevronLeft size={18} aria-hidden />}
            onClick={() => setCursors(cursors.slice(0, -1))}
          >
            {t("jobs.previous")}
          </Button>
          <Button
            variant="default"
            disabled={!next}
            rightSection={<IconChevronRight size={18} aria-hidden />}
            onClick={() => next && setCursors([...cursors, next])}
          >
            {t("jobs.next")}
          </Button>
        </nav>
      ) : null}
    </>
  );
}
