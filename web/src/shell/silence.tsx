import { IconPlugConnectedX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useStatus } from "../api/status.ts";
import { Notice } from "./notice.tsx";
import classes from "./silence.module.css";

/** Says so when the service does not answer; nothing otherwise. */
export function Silence() {
  const { t } = useTranslation();
  const { isError } = useStatus();
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
