import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Status } from "../../../src/http/schema.ts";
import { Notice } from "../shell/notice.tsx";
import classes from "./passed-over.module.css";

/** What lies in the folder and can't be taken, so that nobody believes it masked. */
export function PassedOver({ count, examples }: Status["routes"][number]["passed_over"]) {
  const { t } = useTranslation();
  return (
    <div role="status">
      {count > 0 ? (
        <Notice
          tone="look"
          icon={<IconAlertTriangle size={22} aria-hidden />}
          title={t("folder.passedOver", { count })}
        >
          <ul className={classes.list}>
            {examples.map((example) => (
              <li key={example}>{example}</li>
            ))}
            {count > examples.length ? (
              <li>{t("folder.passedOver.more", { count: count - examples.length })}</li>
            ) : null}
          </ul>
        </Notice>
      ) : null}
    </div>
  );
}
