import { Progress } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { JobsResponse } from "../../../src/http/schema.ts";
import classes from "./group-filter.module.css";
import { countOf, type Group } from "./job-groups.ts";

const shown: readonly Group[] = ["all", "waiting", "working", "done", "failed", "skipped", "held"];

interface GroupFilterProps {
  counts: JobsResponse["counts"];
  live: boolean;
  group: Group;
  onChoose: (group: Group) => void;
}

/** How many jobs are where; each number is also the filter for its jobs. */
export function GroupFilter({ counts, live, group, onChoose }: GroupFilterProps) {
  const { t, i18n } = useTranslation();
  const number = new Intl.NumberFormat(i18n.language);
  const left = countOf("waiting", counts) + countOf("working", counts);
  const all = countOf("all", counts);
  return (
    <>
      <div className={classes.live}>
        <span className={classes.pulse} data-live={live || undefined} aria-hidden />
        <span>{t(live ? "folder.live" : "folder.lost")}</span>
        {left > 0 ? (
          <>
            <span className={classes.left}>{t("folder.left", { count: left })}</span>
            <Progress
              className={classes.progress ?? ""}
              value={(100 * (all - left)) / all}
              size="sm"
              radius="xl"
              animated
              aria-label={t("folder.left", { count: left })}
            />
          </>
        ) : null}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would be a form's, and these act at once */}
      <div className={classes.filter} role="group" aria-label={t("folder.filter")}>
        {shown.map((name) => {
          const count = countOf(name, counts);
          if (name === "held" && count === 0) return null;
          return (
            <button
              key={name}
              type="button"
              className={classes.tile}
              data-group={name}
              data-some={count > 0 || undefined}
              aria-pressed={group === name}
              onClick={() => onChoose(name)}
            >
              <span className={classes.number}>{number.format(count)}</span>
              <span>{t(`folder.filter.${name}`)}</span>
            </button>
          );
        })}
      </div>
    </>
  );
}
