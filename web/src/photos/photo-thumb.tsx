import { Loader } from "@mantine/core";
import { IconAlertTriangle, IconEye, IconMoodSmile } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { formatOf, isBusy, type Photo, regionsOf, viewsOf } from "./photo.ts";
import classes from "./photo-strip.module.css";

interface PhotoThumbProps {
  photo: Photo;
  selected: boolean;
  onSelect: () => void;
}

/** One photo of the strip with its state: working, how many regions, none (look yourself), or failed. */
export function PhotoThumb({ photo, selected, onSelect }: PhotoThumbProps) {
  const { t } = useTranslation();
  const { file, stage, sent } = photo;
  const count = regionsOf(photo).length;
  const { before, after } = viewsOf(photo);
  const source = after ?? before;
  const state = t(`photos.stage.${stage}`, { percent: Math.round(sent * 100) });
  const label = stage === "done" ? t("photos.faces", { count }) : state;
  return (
    <button
      type="button"
      className={classes.thumb}
      aria-current={selected ? "true" : undefined}
      title={`${file.name}: ${label}`}
      onClick={onSelect}
    >
      <span className="spoken">{`${file.name}: ${label}`}</span>
      {source ? (
        <img src={source} alt="" loading="lazy" decoding="async" />
      ) : (
        <span className={classes.format} aria-hidden>
          {formatOf(photo) || "?"}
        </span>
      )}
      {isBusy(photo) ? (
        <span className={classes.veil}>
          <Loader size={26} aria-hidden />
        </span>
      ) : null}
      {stage === "failed" ? (
        <span aria-hidden className={classes.mark} data-kind="failed">
          <IconAlertTriangle size={14} stroke={2.2} aria-hidden />
        </span>
      ) : null}
      {stage === "done" ? (
        <span aria-hidden className={classes.mark} data-kind={count === 0 ? "none" : "some"}>
          {count === 0 ? <IconEye size={14} stroke={2.2} aria-hidden /> : <IconMoodSmile size={13} aria-hidden />}
          {count || null}
        </span>
      ) : null}
    </button>
  );
}
