import { SegmentedControl } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { useStatus } from "../api/status.ts";
import type { Settings } from "./photo.ts";
import classes from "./settings-panel.module.css";
import { StyleSwatch } from "./style-swatch.tsx";

const styles = ["blur", "pixelate", "solid"] as const satisfies readonly Settings["style"][];
const strengths = ["standard", "strong", "maximum"] as const satisfies readonly Settings["strength"][];
const profiles = ["fast", "balanced", "thorough"] as const satisfies readonly Settings["profile"][];

interface SettingsPanelProps {
  settings: Settings;
  onChoose: (choice: Partial<Settings>) => void;
}

/** Style, strength and profile; a change applies to everything on the desk. */
export function SettingsPanel({ settings, onChoose }: SettingsPanelProps) {
  const { t } = useTranslation();
  const id = useId();
  const offered = useStatus().data?.styles ?? styles;
  return (
    <section className={`card ${classes.panel}`} aria-labelledby={`${id}title`}>
      <h2 id={`${id}title`} className={classes.title}>
        {t("settings.title")}
      </h2>
      <p className={classes.all}>{t("settings.all")}</p>

      <h3 id={`${id}style`}>{t("settings.style")}</h3>
      <SegmentedControl<Settings["style"]>
        fullWidth
        aria-labelledby={`${id}style`}
        value={settings.style}
        onChange={(style) => onChoose({ style })}
        data={offered.map((value) => ({
          value,
          label: (
            <span className={classes.style}>
              <StyleSwatch style={value} />
              {t(`settings.style.${value}`)}
            </span>
          ),
        }))}
      />

      <h3 id={`${id}strength`}>{t("settings.strength")}</h3>
      <SegmentedControl<Settings["strength"]>
        fullWidth
        aria-labelledby={`${id}strength`}
        value={settings.strength}
        onChange={(strength) => onChoose({ strength })}
        data={strengths.map((value) => ({ value, label: t(`settings.strength.${value}`) }))}
      />
      <p className={classes.hint}>{t("settings.strength.hint")}</p>

      <h3 id={`${id}profile`}>{t("settings.profile")}</h3>
      <SegmentedControl<Settings["profile"]>
        fullWidth
        aria-labelledby={`${id}profile`}
        value={settings.profile}
        onChange={(profile) => onChoose({ profile })}
        data={profiles.map((value) => ({ value, label: t(`settings.profile.${value}`) }))}
      />
      <p className={classes.hint}>{t("settings.profile.hint")}</p>
    </section>
  );
}
