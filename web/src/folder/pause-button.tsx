import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { troubleOf } from "../api/answer.ts";
import { usePause } from "../api/pauses.ts";
import { useMay } from "../api/session.ts";
import { troubleTitle } from "../i18n/trouble-text.ts";

interface PauseButtonProps {
  readonly verb: "pause" | "resume";
  /** Absent: every route. */
  readonly route?: string;
}

/** Has a route wait, or go on. */
export function PauseButton({ verb, route }: PauseButtonProps) {
  const { t, i18n } = useTranslation();
  const { mutate, isPending } = usePause(verb);
  const Icon = verb === "pause" ? IconPlayerPause : IconPlayerPlay;
  const send = () =>
    mutate(route, {
      onError: (error) =>
        notifications.show({ color: "red", message: troubleTitle(troubleOf(error), t, i18n.language) }),
    });
  if (!useMay("admin")) return null;
  const hint = route === undefined ? t("routes.resumeAll") : t(`routes.${verb}Of`, { name: route });
  return (
    <Button
      size="xs"
      variant="default"
      loading={isPending}
      leftSection={<Icon size={15} stroke={1.8} aria-hidden />}
      aria-label={hint}
      onClick={send}
    >
      {t(route === undefined ? "routes.resumeAll" : `routes.${verb}`)}
    </Button>
  );
}
