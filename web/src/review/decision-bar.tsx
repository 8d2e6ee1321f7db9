import { Button } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { DecidedRegion } from "../../../src/http/schema.ts";
import type { Trouble } from "../api/answer.ts";
import type { Decision } from "../api/reviews.ts";
import { troubleRemedy, troubleTitle } from "../i18n/trouble-text.ts";
import { Notice } from "../shell/notice.tsx";
import classes from "./decision-bar.module.css";
import { NoFaces, Rejection } from "./second-thought.tsx";
import type { Next } from "./use-next.ts";

/** What is needed to decide, wherever on the desk that is. */
export interface Deciding {
  readonly next: Next | undefined;
  /** A decision is on its way. */
  readonly pending: boolean;
  /** Why the last one was not taken. */
  readonly trouble: Trouble | undefined;
  readonly onDecide: (decision: Decision) => void;
}

/** What would be masked. */
export interface Choice {
  readonly regions: readonly DecidedRegion[];
  /** How many a person sees of them. */
  readonly count: number;
  /** How many both looks found; undefined: that was not kept. */
  readonly found: number | undefined;
  readonly isEdited: boolean;
  /** Frames that nobody sees here. */
  readonly unseen: number;
}

interface DecisionBarProps extends Deciding {
  /** Absent where the picture can't be seen: it can only be rejected. */
  readonly choice: Choice | undefined;
}

/** Mask these, mask all, no face, reject, or go on without a decision. Always in sight. */
export function DecisionBar({ choice, next, pending, trouble, onDecide }: DecisionBarProps) {
  const { t } = useTranslation();
  const [asked, ask] = useState<"none" | "reject">();
  const bar = useRef<HTMLElement>(null);
  const cancel = () => {
    ask(undefined);
    bar.current?.focus();
  };
  return (
    <section ref={bar} tabIndex={-1} className={`card ${classes.bar}`} aria-label={t("review.decision")}>
      {trouble ? <Refused trouble={trouble} /> : null}
      {asked === "reject" ? (
        <Rejection pending={pending} onCancel={cancel} onReject={(body) => onDecide({ verb: "reject", body })} />
      ) : asked === "none" ? (
        <NoFaces
          unseen={choice?.unseen ?? 0}
          pending={pending}
          onCancel={cancel}
          onSay={() => onDecide({ verb: "approve", body: { no_faces: true } })}
        />
      ) : (
        <div className={classes.choices}>
          {choice ? <Masking choice={choice} pending={pending} onDecide={onDecide} /> : null}
          {choice ? (
            <Button variant="default" disabled={pending} onClick={() => ask("none")}>
              {t("review.noFaces")}
            </Button>
          ) : null}
          <Button variant="default" disabled={pending} onClick={() => ask("reject")}>
            {t("review.reject")}
          </Button>
          {next ? (
            <Button
              className={classes.skip ?? ""}
              variant="subtle"
              disabled={pending}
              aria-label={t("review.skipHint")}
              title={t("review.skipHint")}
              onClick={next.go}
            >
              {t("review.skip")}
            </Button>
          ) : null}
        </div>
      )}
    </section>
  );
}

/** As it was found, or as a person left it; then all that was found is still one press away. */
function Masking({ choice, pending, onDecide }: { choice: Choice } & Pick<Deciding, "pending" | "onDecide">) {
  const { t } = useTranslation();
  const { regions, count, found, isEdited } = choice;
  const all = found ? (
    <Button
      variant={isEdited ? "default" : "filled"}
      disabled={pending}
      onClick={() => onDecide({ verb: "approve", body: {} })}
    >
      {t("review.maskAll", { count: found })}
    </Button>
  ) : null;
  if (!isEdited && all) return all;
  return (
    <>
      <Button disabled={pending || count === 0} onClick={() => onDecide({ verb: "approve", body: { regions } })}>
        {t("review.maskThese", { count })}
      </Button>
      {all}
    </>
  );
}

function Refused({ trouble }: { trouble: Trouble }) {
  const { t, i18n } = useTranslation();
  const remedy = troubleRemedy(trouble, t);
  return (
    <div role="alert">
      <Notice
        tone="bad"
        icon={<IconAlertTriangle size={22} aria-hidden />}
        title={troubleTitle(trouble, t, i18n.language)}
      >
        {trouble.detail ? <p className={classes.words}>{trouble.detail}</p> : null}
        {remedy ? <p className={classes.words}>{remedy}</p> : null}
      </Notice>
    </div>
  );
}
