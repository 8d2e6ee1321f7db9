import { useTranslation } from "react-i18next";
import { useSession } from "../api/session.ts";
import { useStatus } from "../api/status.ts";
import classes from "./footer.module.css";

const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);

/** Which detector looks at the pictures, which version this is, and where programs knock. */
export function Footer() {
  const { t } = useTranslation();
  const { data: status } = useStatus();
  const { data: session } = useSession();
  return (
    <footer className={classes.footer}>
      <span>{isLocal ? t("footer.local") : null}</span>
      <span className={classes.facts}>
        {status ? (
          <>
            <span title={status.detector.digest}>{t("footer.detector", { name: status.detector.name })}</span>
            <span>{t("footer.version", { version: status.version })}</span>
          </>
        ) : null}
        {session?.name ? <a href="./api/docs">{t("footer.api")}</a> : null}
      </span>
    </footer>
  );
}
