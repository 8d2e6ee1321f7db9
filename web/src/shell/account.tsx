import { ActionIcon, Tooltip } from "@mantine/core";
import { IconLogout } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useLogin, useSession } from "../api/session.ts";
import classes from "./account.module.css";

/** Who has logged in, and the way out; nothing where there is no login. */
export function Account() {
  const { t } = useTranslation();
  const { data: session } = useSession();
  const { logOut } = useLogin();
  if (!session?.login_required || session.name === null) return null;
  const roles = session.roles.map((role) => t(`role.${role}`)).join(", ") || t("role.none");
  return (
    <>
      <span className={classes.name} title={roles}>
        {session.name}
      </span>
      <Tooltip label={t("login.out")}>
        <ActionIcon
          variant="subtle"
          size={38}
          aria-label={t("login.out")}
          loading={logOut.isPending}
          onClick={() => logOut.mutate()}
        >
          <IconLogout size={19} stroke={1.8} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </>
  );
}
