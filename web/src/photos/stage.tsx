import { Loader } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { blankSheet } from "./blank-sheet.ts";
import { Compare } from "./compare.tsx";
import { isBusy, type Photo } from "./photo.ts";
import type { Mode } from "./photo-panel.tsx";
import { RegionEditor } from "./region-editor.tsx";
import type { ShownRegion } from "./region-edits.ts";
import { RegionOverlay } from "./region-overlay.tsx";
import classes from "./stage.module.css";
import type { RegionEditing } from "./use-region-editing.ts";

interface StageProps {
  photo: Photo;
  mode: Mode;
  regions: readonly ShownRegion[];
  selected: string | undefined;
  onSelect: (id: string | undefined) => void;
  editing: RegionEditing;
}

/** The picture itself, as large as fits, and what is being done to it. */
export function Stage({ photo, mode, regions, selected, onSelect, editing }: StageProps) {
  const { t } = useTranslation();
  const { file, url, shows, masked, size, stage, sent } = photo;
  const sheet = useMemo(() => (size ? blankSheet(size) : undefined), [size]);
  const name = file.name;
  // What can be looked at, from the most to the least telling.
  const base = shows ? url : masked?.shows ? masked.url : sheet;
  if (!base && !isBusy(photo)) return null;
  const frame = size && { "--ratio": size.width / size.height, aspectRatio: `${size.width} / ${size.height}` };
  return (
    <div className={classes.stage}>
      <div className={classes.frame} style={frame as React.CSSProperties} data-sized={size ? true : undefined}>
        {base && size && mode === "edit" ? (
          <RegionEditor url={base} regions={regions} selected={selected} onSelect={onSelect} editing={editing} />
        ) : shows && masked?.shows && size ? (
          <Compare before={url} after={masked.url} name={name} size={size} regions={regions} selected={selected} />
        ) : base ? (
          <>
            <img
              className={classes.picture}
              src={base}
              alt={t(base === url ? "photo.original" : "photo.masked", { name })}
            />
            {base === sheet && size ? <RegionOverlay regions={regions} size={size} selected={selected} /> : null}
          </>
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
