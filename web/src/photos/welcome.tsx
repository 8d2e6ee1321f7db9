import { Button } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconPhotoPlus } from "@tabler/icons-react";
import { type ReactNode, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useStatus } from "../api/status.ts";
import { formatBytes } from "../i18n/format.ts";
import { Portrait } from "./portrait.tsx";
import classes from "./welcome.module.css";

const keys = navigator.userAgent.includes("Mac") ? "⌘ V" : "Ctrl + V";

/** The empty desk: says what happens here and takes the first photos. */
export function Welcome({ onFiles, children }: { onFiles: (files: File[]) => void; children: ReactNode }) {
  const { t, i18n } = useTranslation();
  const { data: status } = useStatus();
  const open = useRef<() => void>(null);
  return (
    <div className={classes.welcome}>
      <Dropzone
        openRef={open}
        onDrop={onFiles}
        // The button inside is what the keyboard reaches: a focusable drop area around it would be a second, mute one.
        activateOnKeyboard={false}
        tabIndex={-1}
        enablePointerEvents
        className={classes.sheet ?? ""}
        inputProps={{ "aria-label": t("welcome.choose") }}
      >
        <div className={classes.inner}>
          <Portrait />
          <div>
            <h1 className={classes.title}>{t("welcome.title")}</h1>
            <p className={classes.text}>{t("welcome.text")}</p>
            <Button
              size="lg"
              radius="xl"
              leftSection={<IconPhotoPlus size={22} stroke={1.8} aria-hidden />}
              onClick={(event) => {
                event.stopPropagation();
                open.current?.();
              }}
            >
              {t("welcome.choose")}
            </Button>
            <p className={classes.hint}>{t("welcome.paste", { keys })}</p>
            {status ? (
              <p className={classes.formats}>
                {t("welcome.formats", {
                  formats: status.formats.map((format) => format.toUpperCase()).join(" "),
                  size: formatBytes(status.limits.max_bytes, i18n.language),
                })}
              </p>
            ) : null}
          </div>
        </div>
      </Dropzone>
      {children}
    </div>
  );
}
