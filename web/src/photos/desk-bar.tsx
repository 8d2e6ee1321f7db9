import { Button, Progress } from "@mantine/core";
import { IconFileZip, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import classes from "./desk-bar.module.css";
import { isBusy, type Photo } from "./photo.ts";
import { saveZip } from "./save.ts";

/** How far everything is, and what can be done with all photos at once. */
export function DeskBar({ photos, onClear }: { photos: readonly Photo[]; onClear: () => void }) {
  const { t } = useTranslation();
  const [zipping, setZipping] = useState(false);
  const done = photos.filter(({ stage }) => stage === "done");
  const failed = photos.filter(({ stage }) => stage === "failed").length;
  const busy = photos.some(isBusy);
  const save = async () => {
    setZipping(true);
    await saveZip(done).finally(() => setZipping(false));
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
    </div>
  );
}
