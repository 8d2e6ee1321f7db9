import { Button } from "@mantine/core";
import { IconEye } from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { ReviewBody } from "../../../src/http/schema.ts";
import { useSession } from "../api/session.ts";
import classes from "./review-gate.module.css";
import { WhyHeld } from "./why-held.tsx";

/** Before anything is shown: what it is, why it waits, and that the look is recorded. */
export function ReviewGate({ review, onLook }: { review: ReviewBody; onLook: () => void }) {
  const { t } = useTranslation();
  const { data: session } = useSession();
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <section className={`card ${classes.gate}`} aria-labelledby="gate-title">
      <IconEye size={40} stroke={1.5} className={classes.eye} aria-hidden />
      <h2 id="gate-title" className={classes.title}>
        {t("review.gate.title")}
      </h2>
      <WhyHeld review={review} />
      <p id="gate-record" className={classes.record}>
        {session?.login_required && session.name
          ? t("review.gate.recordOf", { name: session.name })
          : t("review.gate.record")}
      </p>
      <Button
        ref={button}
        size="md"
        leftSection={<IconEye size={20} aria-hidden />}
        aria-describedby="gate-title gate-record"
        onClick={onLook}
      >
        {t("review.gate.look")}
      </Button>
    </section>
  );
}
