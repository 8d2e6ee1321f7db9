import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Status } from "../../../src/http/status-schema.ts";
import { Notice } from "../shell/notice.tsx";
import classes from "./passed-over.module.css";

/** How many are seen without asking. */
const seen = 3;

/** What lies in the folder and is not taken, so that nobody believes it masked. */
export function PassedOver({ count, examples }: Status["routes"][number]["passed_over"]) {
  const { t } = useTranslation();
  const listed = (some: readonly string[]) => some.map((example) => <li key={example}>{example}</li>);
  return (
    <div role="status">
      {count > 0 ? (
        <Notice
          tone="look"
          icon={<IconAlertTriangle size={22} aria-hidden />}
          title={t("folder.passedOver", { count })}
        >
          <ul className={classes.list}>{listed(examples.slice(0, seen))}</ul>
          {count > seen ? (
            <details>
              <summary className={classes.more}>{t("folder.passedOver.more", { count: count - seen })}</summary>
              <ul className={classes.list}>
                {listed(examples.slice(seen))}
                {count > examples.length ? (
                  <li>{t("folder.passedOver.more", { count: count - examples.length })}</li>
                ) : null}
              </ul>
            </details>
          ) : null}
        </Notice>
      ) : null}
    </div>
  );
}
