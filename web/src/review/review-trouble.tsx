import { Button } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Trouble } from "../api/answer.ts";
import { troubleRemedy, troubleTitle } from "../i18n/trouble-text.ts";
import { Notice } from "../shell/notice.tsx";
import classes from "./review-trouble.module.css";

/** What an original does that is not the one any more, or not there. */
const goneKinds = { "changed-while-reading": "changed", "not-found": "gone" } as const;

/** Why nothing is shown, and what can be done about it. */
export function ReviewTrouble({ trouble, onAgain }: { trouble: Trouble; onAgain?: () => void }) {
  const { t, i18n } = useTranslation();
  const { code, detail } = trouble;
  const isGone = onAgain && code in goneKinds;
  const kind = goneKinds[code as keyof typeof goneKinds];
  const remedy = isGone ? t(`review.${kind}.text`) : troubleRemedy(trouble, t);
  return (
    <div role="status">
      <Notice
        tone={isGone ? "look" : "bad"}
        icon={<IconAlertTriangle size={22} aria-hidden />}
        title={isGone ? t(`review.${kind}.title`) : troubleTitle(trouble, t, i18n.language)}
        action={
          onAgain && !isGone ? (
            <Button size="xs" variant="default" onClick={onAgain}>
              {t("photo.retry")}
            </Button>
          ) : undefined
        }
      >
        {remedy ? <p className={classes.words}>{remedy}</p> : null}
        {detail ? <p className={classes.words}>{detail}</p> : null}
      </Notice>
    </div>
  );
}
