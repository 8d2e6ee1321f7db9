import { Loader } from "@mantine/core";
import { IconArrowLeft, IconLock } from "@tabler/icons-react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { troubleOf } from "../api/answer.ts";
import { type Decision, useDecision, useReview } from "../api/reviews.ts";
import { useMay } from "../api/session.ts";
import { Notice } from "../shell/notice.tsx";
import { viewLinks } from "../shell/view.ts";
import { DecisionBar } from "./decision-bar.tsx";
import { createLook } from "./look.ts";
import { ReviewBench } from "./review-bench.tsx";
import classes from "./review-desk.module.css";
import { ReviewGate } from "./review-gate.tsx";
import { ReviewOutcome } from "./review-outcome.tsx";
import { ReviewTrouble } from "./review-trouble.tsx";
import { useNext } from "./use-next.ts";

/** One held picture, large, for whoever decides on it. What is not masked is here as long as this is, and no longer. */
export function ReviewDesk({ id }: { id: string }) {
  const { t } = useTranslation();
  const mayReview = useMay("review");
  const [look] = useState(createLook);
  const seen = useSyncExternalStore(look.subscribe, look.snapshot);
  const { data: review, error } = useReview(id, mayReview);
  const next = useNext(id, review?.job.route, look);
  const decision = useDecision();
  const [mine, setMine] = useState<string>();
  const title = useRef<HTMLHeadingElement>(null);

  // Another address, or none: the picture goes. Nothing is fetched here, however often this runs.
  useEffect(() => {
    scrollTo(0, 0);
    if (look.snapshot()?.id !== id) look.close();
  }, [look, id]);
  useEffect(() => look.close, [look]);

  // Decided, whoever did it: nobody has to see it any more.
  const isDecided = review !== undefined && review.job.state !== "held";
  useEffect(() => {
    if (isDecided && look.snapshot()?.id === id) look.close();
  }, [look, id, isDecided]);

  const stage = seen?.id === id ? seen.stage : "asked";
  useEffect(() => {
    if (stage === "shown" || stage === "failed") title.current?.focus();
  }, [stage]);

  const decide = (said: Decision) => {
    setMine(id);
    decision.mutateAsync({ id, ...said }).catch(() => setMine(undefined));
  };
  const deciding = {
    next,
    pending: decision.isPending,
    trouble: decision.error && decision.variables?.id === id ? troubleOf(decision.error) : undefined,
    onDecide: decide,
  };
  const lost = error && (!review || isFinal.has(troubleOf(error).code)) ? troubleOf(error) : undefined;
  const key = review?.job.input.key ?? "";
  const name = key.slice(key.lastIndexOf("/") + 1);
  return (
    <article className={classes.desk} aria-labelledby="review-title">
      <div className={classes.head}>
        <a className={classes.back} href={viewLinks.folder}>
          <IconArrowLeft size={18} aria-hidden /> {t("review.back")}
        </a>
        <h1 id="review-title" ref={title} tabIndex={-1} className={classes.title}>
          {name || t("review.title")}
        </h1>
      </div>
      {!mayReview ? (
        <Notice tone="look" icon={<IconLock size={22} aria-hidden />} title={t("review.noRole")}>
          {t("review.noRoleText")}
        </Notice>
      ) : lost ? (
        <ReviewTrouble trouble={lost} />
      ) : !review ? (
        <Loader className={classes.loader ?? ""} />
      ) : isDecided ? (
        <ReviewOutcome review={review} mine={mine === id} next={next} />
      ) : seen?.id !== id ? (
        <ReviewGate review={review} onLook={() => look.open(id)} />
      ) : seen.stage === "loading" ? (
        <p className={classes.loading} role="status">
          <Loader size={20} aria-hidden /> {t("review.loading")}
        </p>
      ) : seen.stage === "failed" ? (
        <>
          <ReviewTrouble trouble={seen.trouble} onAgain={() => look.open(id)} />
          <DecisionBar choice={undefined} {...deciding} />
        </>
      ) : (
        <ReviewBench key={id} review={review} seen={seen} deciding={deciding} />
      )}
    </article>
  );
}

/** What the service says of a job of which there is nothing to see any more. */
const isFinal = new Set(["not-found", "not-ready"]);
