import { Button } from "@mantine/core";
import { IconCircleCheck, IconUserCheck } from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { ReviewBody } from "../../../src/http/schema.ts";
import { troubleOf } from "../api/answer.ts";
import { useJob } from "../api/jobs.ts";
import { tones } from "../folder/job-groups.ts";
import { JobResult } from "../folder/job-result.tsx";
import { formatMoment } from "../i18n/format.ts";
import { troubleTitle } from "../i18n/trouble-text.ts";
import { Notice } from "../shell/notice.tsx";
import { Pill } from "../shell/pill.tsx";
import { viewLinks } from "../shell/view.ts";
import classes from "./review-outcome.module.css";
import type { Next } from "./use-next.ts";

interface ReviewOutcomeProps {
  review: ReviewBody;
  /** Whether it was decided here. */
  mine: boolean;
  next: Next | undefined;
}

/** What was decided, by whom, and what became of it; then on to the next one. */
export function ReviewOutcome({ review, mine, next }: ReviewOutcomeProps) {
  const { t } = useTranslation();
  const go = useRef<HTMLButtonElement>(null);
  const back = useRef<HTMLAnchorElement>(null);
  useEffect(() => (go.current ?? back.current)?.focus(), []);
  const Icon = mine ? IconCircleCheck : IconUserCheck;
  const title = useTitle(review, mine);
  return (
    <>
      <div role="status">
        <Notice tone={mine ? "quiet" : "look"} icon={<Icon size={22} aria-hidden />} title={title}>
          {review.job.state === "rejected" ? <p className={classes.words}>{t("review.rejectedText")}</p> : null}
        </Notice>
      </div>
      <div className={classes.ways}>
        {next ? (
          <Button ref={go} onClick={next.go}>
            {next.count === undefined ? t("review.nextMany") : t("review.next", { count: next.count })}
          </Button>
        ) : (
          <span className={classes.none}>{t("review.nextNone")}</span>
        )}
        <Button ref={back} component="a" variant="default" href={viewLinks.folder}>
          {t("review.back")}
        </Button>
      </div>
      {review.job.successor ? <Successor id={review.job.successor} /> : null}
    </>
  );
}

function useTitle({ job, decided_by }: ReviewBody, mine: boolean): string {
  const { t, i18n } = useTranslation();
  const state = t(`jobs.state.${job.state}`);
  if (mine) return t(job.state === "rejected" ? "jobs.rejected" : "jobs.approved");
  if (job.state !== "approved" && job.state !== "rejected" && job.state !== "redriven")
    return t("review.nothing", { state });
  // Of `session:anna` the name: what somebody came in by helps nobody here.
  const name = decided_by ? decided_by.slice(decided_by.indexOf(":") + 1) : t("review.somebody");
  return t("review.faster", { name, state, moment: formatMoment(job.updated_at, i18n.language) });
}

/** The job that masks what was approved, and its result. */
function Successor({ id }: { id: string }) {
  const { t, i18n } = useTranslation();
  const { data: job, error } = useJob(id);
  const trouble = job?.problem ?? (error ? troubleOf(error) : undefined);
  return (
    <section className={`card ${classes.result}`} aria-label={t("review.result")}>
      <h2 className={classes.title}>
        {t("review.result")} {job ? <Pill tone={tones[job.state]}>{t(`jobs.state.${job.state}`)}</Pill> : null}
      </h2>
      {trouble ? (
        <p className={classes.words}>
          <b>{troubleTitle(trouble, t, i18n.language)}.</b> {trouble.detail}
        </p>
      ) : null}
      {/* What has no mask is not shown again. */}
      {job?.state === "done" ? (
        job.regions === 0 ? (
          <p className={classes.words}>{t("review.unmasked")}</p>
        ) : (
          <JobResult job={job} />
        )
      ) : null}
    </section>
  );
}
