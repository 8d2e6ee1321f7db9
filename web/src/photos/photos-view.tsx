import { Dropzone } from "@mantine/dropzone";
import { useCallback, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { DeskBar } from "./desk-bar.tsx";
import type { PhotoDesk } from "./photo-desk.ts";
import { PhotoPanel } from "./photo-panel.tsx";
import { PhotoStrip } from "./photo-strip.tsx";
import classes from "./photos-view.module.css";
import { SettingsPanel } from "./settings-panel.tsx";
import { usePaste } from "./use-paste.ts";
import { useSettings } from "./use-settings.ts";
import { Welcome } from "./welcome.tsx";

/** Photos in, masked photos out: an inviting sheet first, then the strip, the photo and what can be done about it. */
export function PhotosView({ desk }: { desk: PhotoDesk }) {
  const { t } = useTranslation();
  const photos = useSyncExternalStore(desk.subscribe, desk.snapshot);
  const [settings, choose] = useSettings(desk);
  const [selectedId, select] = useState<string>();
  const add = useCallback(
    (files: readonly File[]) => {
      const [first] = desk.add(files);
      if (first) select(first);
    },
    [desk],
  );
  usePaste(add);
  const settingsPanel = <SettingsPanel settings={settings} onChoose={choose} />;
  const photo = photos.find(({ id }) => id === selectedId) ?? photos[0];
  if (!photo) return <Welcome onFiles={add}>{settingsPanel}</Welcome>;
  return (
    <>
      <h1 className="spoken">{t("shell.photos")}</h1>
      <Dropzone.FullScreen
        active
        activateOnKeyboard={false}
        tabIndex={-1}
        aria-hidden
        onDrop={add}
        classNames={{ fullScreen: classes.drop ?? "", root: classes.target ?? "" }}
      >
        <p className={classes.release}>{t("welcome.release")}</p>
      </Dropzone.FullScreen>
      <DeskBar photos={photos} onClear={desk.clear} />
      <PhotoStrip photos={photos} selected={photo.id} onSelect={select} onFiles={add} />
      <PhotoPanel key={photo.id} desk={desk} photo={photo} settingsPanel={settingsPanel} />
    </>
  );
}
