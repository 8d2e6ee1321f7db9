import { ActionIcon, Tooltip, useMantineColorScheme } from "@mantine/core";
import { IconCircleHalf2, IconMoon, IconSun } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

const order = ["auto", "light", "dark"] as const;
const icons = { auto: IconCircleHalf2, light: IconSun, dark: IconMoon };

/** As the system has it, light, or dark; remembered. */
export function SchemeSwitch() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Icon = icons[colorScheme];
  const next = order[(order.indexOf(colorScheme) + 1) % order.length]!;
  return (
    <Tooltip label={t(`scheme.${colorScheme}`)}>
      <ActionIcon
        variant="subtle"
        color="gray"
        c="dimmed"
        size={36}
        aria-label={t("scheme.change", { now: t(`scheme.${colorScheme}`) })}
        onClick={() => setColorScheme(next)}
      >
        <Icon size={19} stroke={1.8} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}
