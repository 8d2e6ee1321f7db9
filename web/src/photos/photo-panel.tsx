import { Switch } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Edits, noEdits } from "../regions/region-edits.ts";
import { RegionList } from "../regions/region-list.tsx";
import { useRegionEditing } from "../regions/use-region-editing.ts";
import { type Photo, regionsOf } from "./photo.ts";
import type { PhotoDesk } from "./photo-desk.ts";
import { PhotoNotice } from "./photo-notice.tsx";
import classes from "./photo-panel.module.css";
import { PhotoTools } from "./photo-tools.tsx";
import { Stage, type StageMode } from "./stage.tsx";

interface PhotoPanelProps {
  desk: PhotoDesk;
  photo: Photo;
  settingsPanel: ReactNode;
}

/** One photo, large: before and after or its regions, and beside it how it is masked. */
export function PhotoPanel({ desk, photo, settingsPanel }: PhotoPanelProps) {
  const { t } = useTranslation();
  const [mode, setMode] = useState<StageMode>("compare");
  const [masks, showMasks] = useState(true);
  const [selected, select] = useState<string>();
  const regions = regionsOf(photo);
  const { size, edits } = photo;
  const onEdit = (next: Edits) => desk.edit(photo.id, next);
  const editing = useRegionEditing({ size, regions, edits, onEdit });
  return (
    <article className={classes.panel} aria-label={photo.file.name}>
      <div className={classes.left}>
        <PhotoTools photo={photo} mode={mode} onMode={setMode} onRemove={() => desk.remove(photo.id)} />
        <PhotoNotice
          photo={photo}
          regions={regions.length}
          onRetry={() => desk.retry(photo.id)}
          onDraw={() => setMode("edit")}
        />
        <Stage
          photo={photo}
          mode={mode}
          regions={regions}
          selected={selected}
          onSelect={select}
          editing={editing}
          masks={masks}
        />
        {mode === "edit" ? (
          <div className={classes.below}>
            <p className={classes.hint}>{t("regions.hint")}</p>
            <Switch
              className={classes.masks ?? ""}
              label={t("regions.masks")}
              checked={masks}
              onChange={({ currentTarget }) => showMasks(currentTarget.checked)}
            />
          </div>
        ) : null}
      </div>
      <div className={classes.right}>
        {settingsPanel}
        {size ? (
          <RegionList
            regions={regions}
            edits={edits}
            size={size}
            selected={selected}
            editing={editing}
            onSelect={(id) => {
              select(id);
              setMode("edit");
            }}
            onReset={() => onEdit(noEdits)}
          />
        ) : null}
      </div>
    </article>
  );
}
