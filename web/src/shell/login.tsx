import { Button, PasswordInput } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { troubleOf } from "../api/answer.ts";
import { providerLogin, useLogin } from "../api/session.ts";
import { troubleTitle } from "../i18n/trouble-text.ts";
import classes from "./login.module.css";

/** Asks who is there: at the identity provider, or with an API key. */
export function Login({ ways }: { ways: readonly string[] }) {
  const { t, i18n } = useTranslation();
  const { logIn } = useLogin();
  const [key, setKey] = useState("");
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== "") logIn.mutate(key.trim());
  };
  const byProvider = ways.includes("oidc");
  const trouble = logIn.isError ? troubleOf(logIn.error) : undefined;
  const fault =
    trouble && (trouble.code === "unauthorized" ? t("login.noSuchKey") : troubleTitle(trouble, t, i18n.language));
  return (
    <section className={classes.sheet} aria-labelledby="login-title">
      <IconLock size={36} stroke={1.6} className={classes.lock} aria-hidden />
      <h1 id="login-title" className={classes.title}>
        {t("login.title")}
      </h1>
      <p className={classes.text}>{t("login.text")}</p>
      {byProvider ? (
        <>
          <Button component="a" href={providerLogin} size="md" fullWidth>
            {t("login.provider")}
          </Button>
          <p className={classes.or}>{t("login.or")}</p>
        </>
      ) : null}
      <form onSubmit={send} className={classes.form}>
        <PasswordInput
          label={t("login.key")}
          description={t("login.hint")}
          autoComplete="off"
          spellCheck={false}
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          error={fault}
        />
        <Button type="submit" variant={byProvider ? "default" : "filled"} loading={logIn.isPending} fullWidth>
          {t("login.send")}
        </Button>
      </form>
    </section>
  );
}
