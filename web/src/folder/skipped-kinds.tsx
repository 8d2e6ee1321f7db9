import { useTranslation } from "react-i18next";
import { useSkippedKinds } from "../api/jobs.ts";
import classes from "./skipped-kinds.module.css";

/** What the skipped files are, so that a forgotten photo format is noticed. */
export function SkippedKinds({ route, skipped }: { route: string; skipped: number }) {
  const { t } = useTranslation();
  const { data: kinds } = useSkippedKinds(route, skipped);
  if (skipped === 0 || !kinds) return null;
  return (
    <p className={classes.kinds}>
      {t("folder.kinds")}
      {kinds.map(([kind, count]) => (
        <span key={kind} className={classes.kind}>
          {kind} <b>{count}</b>
        </span>
      ))}
    </p>
  );
}
