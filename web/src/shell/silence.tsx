import { IconPlugConnectedX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { troubleOf } from "../api/answer.ts";
import { useSession } from "../api/session.ts";
import { useStatus } from "../api/status.ts";
import { Notice } from "./notice.tsx";
import classes from "./silence.module.css";

/** Answers that say who may ask, not that nobody answers. */
const known = new Set(["unauthorized", "forbidden", "too-many-requests"]);

/** Says so when the service does not answer; nothing otherwise. */
export function Silence() {
  const { t } = useTranslation();
  const status = useStatus();
  const session = useSession();
  const isError = [status, session].some(({ error }) => error !== null && !known.has(troubleOf(error).code));
  return (
    <div role="status" className={classes.silence}>
      {isError ? (
        <Notice tone="bad" icon={<IconPlugConnectedX size={22} aria-hidden />} title={t("silence.title")}>
          {t("silence.remedy")}
        </Notice>
      ) : null}
    </div>
  );
}
