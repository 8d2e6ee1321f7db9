import { useTranslation } from "react-i18next";
import { Portrait } from "../photos/portrait.tsx";
import classes from "./folder-empty.module.css";

/** Nothing to list: either at all, or behind this filter. */
export function FolderEmpty({ filtered }: { filtered: boolean }) {
  const { t } = useTranslation();
  if (filtered) return <p className={`card ${classes.quiet}`}>{t("folder.emptyFilter")}</p>;
  return (
    <div className={`card ${classes.empty}`}>
      <Portrait />
      <h2 className={classes.title}>{t("folder.empty.title")}</h2>
      <p className={classes.text}>{t("folder.empty.text")}</p>
    </div>
  );
}
