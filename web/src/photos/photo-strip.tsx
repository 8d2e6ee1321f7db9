import { FileButton } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Photo } from "./photo.ts";
import classes from "./photo-strip.module.css";
import { PhotoThumb } from "./photo-thumb.tsx";

interface PhotoStripProps {
  photos: readonly Photo[];
  selected: string;
  onSelect: (id: string) => void;
  onFiles: (files: File[]) => void;
}

/** All photos, small, in the order they came, and room for more. */
export function PhotoStrip({ photos, selected, onSelect, onFiles }: PhotoStripProps) {
  const { t } = useTranslation();
  return (
    <ul className={classes.strip} aria-label={t("photos.list")}>
      <li>
        <FileButton multiple onChange={onFiles} inputProps={{ "aria-label": t("photos.add") }}>
          {(props) => (
            <button
              {...props}
              type="button"
              className={classes.add}
              aria-label={t("photos.add")}
              title={t("photos.add")}
            >
              <IconPlus size={26} stroke={1.8} aria-hidden />
            </button>
          )}
        </FileButton>
      </li>
      {photos.map((photo) => (
        <li key={photo.id}>
          <PhotoThumb photo={photo} selected={photo.id === selected} onSelect={() => onSelect(photo.id)} />
        </li>
      ))}
    </ul>
  );
}
