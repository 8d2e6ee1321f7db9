import { useTranslation } from "react-i18next";
import { useSession } from "../api/session.ts";
import { useStatus } from "../api/status.ts";
import classes from "./footer.module.css";

const isOnThisMachine = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);

/** Where photos go, which detector looks at the pictures, which version this is, and where programs knock. */
export function Footer() {
  const { t } = useTranslation();
  const { data: status } = useStatus();
  const { data: session } = useSession();
  // With a login the service is one for many, whatever address a proxy or a tunnel gives it here.
  const staysHere = isOnThisMachine && session?.login_required === false;
  return (
    <footer className={classes.footer}>
      <span>{session ? t(staysHere ? "footer.local" : "footer.network") : null}</span>
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
