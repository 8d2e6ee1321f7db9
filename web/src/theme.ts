import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const tide: MantineColorsTuple = [
  "#e8f5f2",
  "#d0eae5",
  "#a3d5cc",
  "#74bfb2",
  "#4dab9c",
  "#33978a",
  "#1c7a6e",
  "#16675d",
  "#10524a",
  "#0a3e38",
];

const stone: MantineColorsTuple = [
  "#f8f7f2",
  "#f0ede5",
  "#e6e2d8",
  "#d8d3c7",
  "#c6c0b3",
  "#a8a294",
  "#7c776b",
  "#57534a",
  "#3a3730",
  "#22201b",
];

const night: MantineColorsTuple = [
  "#ece9e2",
  "#bcc1c9",
  "#98a0ac",
  "#6b7482",
  "#363e4a",
  "#2b323c",
  "#212730",
  "#1a2027",
  "#12161b",
  "#0b0e12",
];

/** Calm and paper-like: one green for what can be done, amber for faces, nothing else shouts. */
export const theme = createTheme({
  primaryColor: "tide",
  primaryShade: { light: 6, dark: 6 },
  colors: { tide, gray: stone, dark: night },
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: "650", textWrap: "balance" },
  defaultRadius: "md",
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
});

/** Mantine's own dimmed grey is too light to read on paper (3.3:1). */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: { "--mantine-color-dimmed": "#5b6370", "--mantine-color-text": "#1d242c", "--mantine-color-error": "#b3261e" },
  dark: { "--mantine-color-dimmed": "#a0a8b4", "--mantine-color-error": "#ff9b91" },
});
