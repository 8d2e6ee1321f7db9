import { Modal } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { JobBody } from "../../../src/http/schema.ts";
import { JobResult } from "./job-result.tsx";
import { JobRow } from "./job-row.tsx";
import classes from "./jobs-table.module.css";
import { useNow } from "./use-now.ts";

/** A page of jobs, and the one whose result is being looked at. */
export function JobsTable({ jobs }: { jobs: readonly JobBody[] }) {
  const { t } = useTranslation();
  const now = useNow();
  const [shown, show] = useState<JobBody>();
  return (
    <div className={`card ${classes.sheet}`}>
      <table className={classes.table}>
        <caption className="spoken">{t("jobs.caption")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("jobs.name")}</th>
            <th scope="col">{t("jobs.state")}</th>
            <th scope="col" className={classes.number}>
              {t("jobs.regions")}
            </th>
            <th scope="col">{t("jobs.changed")}</th>
            <th scope="col">
              <span className="spoken">{t("jobs.actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <JobRow key={job.id} job={job} now={now} onShow={() => show(job)} />
          ))}
        </tbody>
      </table>
      <Modal
        opened={shown !== undefined}
        onClose={() => show(undefined)}
        size="xl"
        radius="lg"
        centered
        title={shown?.output.key}
        closeButtonProps={{ "aria-label": t("jobs.close") }}
      >
        {shown ? <JobResult job={shown} /> : null}
      </Modal>
    </div>
  );
}
