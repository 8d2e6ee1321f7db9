import { IconFolder, IconPhoto } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useStatus } from "../api/status.ts";
import { Account } from "./account.tsx";
import classes from "./header.module.css";
import { LanguageSwitch } from "./language-switch.tsx";
import { SchemeSwitch } from "./scheme-switch.tsx";
import { type View, viewLinks } from "./view.ts";

const icons = { photos: IconPhoto, folder: IconFolder };

/** Name, the two views (with a mark where a route is broken), language and light. */
export function Header({ view, views }: { view: View | undefined; views: readonly View[] }) {
  const { t } = useTranslation();
  const { data: status } = useStatus();
  const broken = status?.routes.filter(({ problem }) => problem).length ?? 0;
  return (
    <header className={classes.header}>
      <a className={classes.brand} href={viewLinks.photos}>
        <img src="./favicon.svg" width={36} height={36} alt="" />
        <span className={classes.name}>veil</span>
        <span className={classes.mission}>{t("shell.mission")}</span>
      </a>
      {views.length === 0 ? (
        <span />
      ) : (
        <nav className={classes.views} aria-label={t("shell.views")}>
          {views.map((name) => {
            const Icon = icons[name];
            return (
              <a
                key={name}
                className={classes.view}
                href={viewLinks[name]}
                aria-current={view === name ? "page" : undefined}
              >
                <Icon size={18} stroke={1.8} aria-hidden />
                {t(`shell.${name}`)}
                {name === "folder" && broken > 0 ? (
                  <span className={classes.broken} title={t("shell.broken", { count: broken })}>
                    <span className="spoken">{t("shell.broken", { count: broken })}</span>
                  </span>
                ) : null}
              </a>
            );
          })}
        </nav>
      )}
      <div className={classes.switches}>
        <Account />
        <LanguageSwitch />
        <SchemeSwitch />
      </div>
    </header>
  );
}
