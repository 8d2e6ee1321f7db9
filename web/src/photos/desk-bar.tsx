import { Button, Progress } from "@mantine/core";
import { IconFileZip, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { troubleTitle } from "../i18n/trouble-text.ts";
import classes from "./desk-bar.module.css";
import { isBusy, type Photo } from "./photo.ts";
import { saveZip } from "./save.ts";

/** How far everything is, and what can be done with all photos at once. */
export function DeskBar({ photos, onClear }: { photos: readonly Photo[]; onClear: () => void }) {
  const { t, i18n } = useTranslation();
  const [zipping, setZipping] = useState(false);
  const done = photos.filter(({ stage }) => stage === "done");
  const failures = photos.filter(({ stage }) => stage === "failed");
  const failed = failures.length;
  const busy = photos.some(isBusy);
  const save = async () => {
    setZipping(true);
    const lines = failures.map(({ file, trouble }) => {
      const reason = trouble && [troubleTitle(trouble, t, i18n.language), trouble.detail].filter(Boolean).join(". ");
      return reason ? `${file.name}: ${reason}` : file.name;
    });
    const text = [t("zip.leftOut", { count: failed }), "", ...lines, ""].join("\r\n");
    await saveZip(done, failed > 0 ? { name: t("zip.noteName"), text } : undefined).finally(() => setZipping(false));
  };
  return (
    <div className={classes.bar}>
      <div className={classes.progress}>
        <span aria-live="polite">
          {t("photos.progress", { done: done.length, all: photos.length })}
          {failed > 0 ? <span className={classes.failed}>{t("photos.failed", { count: failed })}</span> : null}
        </span>
        {busy ? (
          <Progress
            value={(100 * done.length) / photos.length}
            size="sm"
            radius="xl"
            striped
            animated
            className={classes.line ?? ""}
            aria-label={t("photos.progress", { done: done.length, all: photos.length })}
          />
        ) : null}
      </div>
      <Button
        variant="subtle"
        color="gray"
        c="dimmed"
        leftSection={<IconTrash size={18} aria-hidden />}
        onClick={onClear}
      >
        {t("photos.clear")}
      </Button>
      <Button
        variant="default"
        leftSection={<IconFileZip size={18} aria-hidden />}
        disabled={busy || done.length === 0}
        loading={zipping}
        onClick={save}
      >
        {t("photos.saveAll")}
      </Button>
      {failed > 0 && done.length > 0 && !busy ? (
        <p className={classes.note}>{t("zip.note", { count: failed, name: t("zip.noteName") })}</p>
      ) : null}
    </div>
  );
}
