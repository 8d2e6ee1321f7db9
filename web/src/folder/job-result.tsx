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
  // A browser that can't show the picture itself (TIFF) gets a preview of it.
  const [ways, setWays] = useState([resultUrl(job.id), resultUrl(job.id, { preview: "1" })]);
  const [way] = ways;
  const url = resultUrl(job.id);
  const name = job.output.key.slice(job.output.key.lastIndexOf("/") + 1);
  return (
    <div className={classes.result}>
      {way ? (
        <img
          className={classes.picture}
          src={way}
          alt={t("photo.masked", { name })}
          onError={() => setWays(ways.slice(1))}
        />
      ) : (
        <p className={classes.none}>{t("jobs.noPreview")}</p>
      )}
      <Button
        component="a"
        href={url}
        download={job.masked_name ?? name}
        leftSection={<IconDownload size={18} aria-hidden />}
      >
        {t("photo.save")}
      </Button>
    </div>
  );
}
