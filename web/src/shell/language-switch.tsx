import { Button, Tooltip } from "@mantine/core";
import { IconLanguage } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { chooseLanguage } from "../i18n/language.ts";

/** Chinese or English; its label is in the language that it switches to. */
export function LanguageSwitch() {
  const { i18n } = useTranslation();
  const other = i18n.language === "zh" ? "en" : "zh";
  const label = other === "zh" ? "切换到中文" : "Switch to English";
  return (
    <Tooltip label={label}>
      <Button
        variant="subtle"
        color="gray"
        c="dimmed"
        px="sm"
        leftSection={<IconLanguage size={18} stroke={1.8} aria-hidden />}
        lang={other === "zh" ? "zh-CN" : "en"}
        aria-label={label}
        onClick={() => chooseLanguage(other)}
      >
        {other === "zh" ? "中文" : "English"}
      </Button>
    </Tooltip>
  );
}
