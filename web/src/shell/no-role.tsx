import { IconLock } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Notice } from "./notice.tsx";

/** For somebody who is known and may do nothing here. */
export function NoRole({ name }: { name: string }) {
  const { t } = useTranslation();
  return (
    <>
      <h1 className="spoken">veil</h1>
      <Notice tone="look" icon={<IconLock size={22} aria-hidden />} title={t("login.noRole", { name })}>
        {t("login.noRoleText")}
      </Notice>
    </>
  );
}
