import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { JobBody } from "../../../src/http/schema.ts";
import { resultUrl } from "../api/jobs.ts";
import classes from "./job-result.module.css";

/** The masked picture of a finished job. */
export function JobResult({ job }: { job: JobBody }) {
  const { t } = useTranslation();
  const [shows, setShows] = useState(true);
  const url = resultUrl(job.id);
  const name = job.output.key.slice(job.output.key.lastIndexOf("/") + 1);
  return (
    <div className={classes.result}>
      {shows ? (
        <img className={classes.picture} src={url} alt={t("photo.masked", { name })} onError={() => setShows(false)} />
      ) : (
        <p className={classes.none}>{t("jobs.noPreview")}</p>
      )}
      <Button component="a" href={url} download={name} leftSection={<IconDownload size={18} aria-hidden />}>
        {t("photo.save")}
      </Button>
    </div>
  );
}
