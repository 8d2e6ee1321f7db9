import { useTranslation } from "react-i18next";
import type { ReviewBody } from "../../../src/http/schema.ts";
import { heldRegions } from "./held-regions.ts";
import classes from "./why-held.module.css";

/** Why a picture waits, and where it lies. */
export function WhyHeld({ review: { job, regions, picture } }: { review: ReviewBody }) {
  const { t } = useTranslation();
  const held = heldRegions(regions ?? []);
  const second = held.filter(({ look }) => look === "second").length;
  const first = held.length - second;
  const facts = [
    job.input.key.includes("/") && job.input.key.slice(0, job.input.key.lastIndexOf("/") + 1),
    picture && `${picture.width} × ${picture.height}`,
    picture && picture.frames > 1 && t("review.frameCount", { count: picture.frames }),
  ];
  return (
    <p className={classes.why}>
      {second > 0
        ? `${t("review.why.first", { count: first })}${t("review.why.second", { count: second })}`
        : job.problem?.detail}
      <span className={classes.facts}>{facts.filter(Boolean).join(" · ")}</span>
    </p>
  );
}
