import { ActionIcon, Button, SegmentedControl, Tooltip } from "@mantine/core";
import { IconDownload, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { formatBytes } from "../i18n/format.ts";
import type { Photo } from "./photo.ts";
import classes from "./photo-tools.module.css";
import { savePhoto } from "./save.ts";
import type { StageMode } from "./stage.tsx";

interface PhotoToolsProps {
  photo: Photo;
  mode: StageMode;
  onMode: (mode: StageMode) => void;
  onRemove: () => void;
}

/** The photo's name and size, compare or edit, download, remove. */
export function PhotoTools({ photo, mode, onMode, onRemove }: PhotoToolsProps) {
  const { t, i18n } = useTranslation();
  const { file, size, stage } = photo;
  const facts = [size && `${size.width} × ${size.height}`, formatBytes(file.size, i18n.language)];
  return (
    <div className={classes.tools}>
      <div className={classes.about}>
        <h2 className={classes.name} title={file.name}>
          {file.name}
        </h2>
        <p className={classes.facts}>{facts.filter(Boolean).join(" · ")}</p>
      </div>
      <SegmentedControl<StageMode>
        className={classes.mode ?? ""}
        value={mode}
        onChange={onMode}
        disabled={!size}
        data={[
          { value: "compare", label: t("photo.compare") },
          { value: "edit", label: t("photo.edit") },
        ]}
      />
      <Button
        className={classes.save ?? ""}
        leftSection={<IconDownload size={18} aria-hidden />}
        disabled={stage !== "done"}
        onClick={() => savePhoto(photo)}
      >
        {t("photo.save")}
      </Button>
      <Tooltip label={t("photo.remove")}>
        <ActionIcon
          className={classes.remove ?? ""}
          variant="default"
          size={36}
          aria-label={t("photo.remove")}
          onClick={onRemove}
        >
          <IconX size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}
