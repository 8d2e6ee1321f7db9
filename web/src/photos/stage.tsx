import { Loader } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { RegionEditor } from "../regions/region-editor.tsx";
import type { ShownRegion } from "../regions/region-edits.ts";
import type { RegionEditing } from "../regions/use-region-editing.ts";
import { Compare } from "./compare.tsx";
import { isBusy, type Photo, viewsOf } from "./photo.ts";
import classes from "./stage.module.css";

/** What is done with the picture: both sides are compared, or regions are edited. */
export type StageMode = "compare" | "edit";

interface StageProps {
  photo: Photo;
  mode: StageMode;
  regions: readonly ShownRegion[];
  selected: string | undefined;
  onSelect: (id: string | undefined) => void;
  editing: RegionEditing;
  /** Whether the regions are edited over the masked picture. */
  masks: boolean;
}

/** The picture itself, as large as fits, and what is being done to it. */
export function Stage({ photo, mode, regions, selected, onSelect, editing, masks }: StageProps) {
  const { t } = useTranslation();
  const { file, size, stage, sent } = photo;
  const { before, after } = viewsOf(photo);
  const name = file.name;
  const base = before ?? after;
  if (!base && !isBusy(photo)) return null;
  const frame = size && { "--ratio": size.width / size.height, aspectRatio: `${size.width} / ${size.height}` };
  return (
    <div className={classes.stage}>
      <div className={classes.frame} style={frame as React.CSSProperties} data-sized={size ? true : undefined}>
        {base && size && mode === "edit" ? (
          <RegionEditor
            url={(masks ? after : before) ?? base}
            label={t("regions.hint")}
            size={size}
            pending={stage !== "done"}
            regions={regions}
            selected={selected}
            onSelect={onSelect}
            editing={editing}
          />
        ) : before && after && size ? (
          <Compare before={before} after={after} name={name} size={size} regions={regions} selected={selected} />
        ) : base ? (
          <img
            className={classes.picture}
            src={base}
            alt={t(base === before ? "photo.original" : "photo.masked", { name })}
          />
        ) : null}
      </div>
      {isBusy(photo) ? (
        <p className={classes.busy} role="status">
          <Loader size={16} color="white" aria-hidden />
          {t(`photos.stage.${stage}`, { percent: Math.round(sent * 100) })}
        </p>
      ) : null}
    </div>
  );
}
