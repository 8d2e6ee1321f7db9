import { useLocalStorage } from "@mantine/hooks";
import { useEffect } from "react";
import { useStatus } from "../api/status.ts";
import type { Settings } from "./photo.ts";
import type { PhotoDesk } from "./photo-desk.ts";

const builtIn: Settings = { style: "blur", strength: "standard", profile: "balanced" };

/** The settings in force: what was chosen here before, else the server's, and how to choose. The desk follows them. */
export function useSettings(desk: PhotoDesk): [Settings, (choice: Partial<Settings>) => void] {
  const { data: status } = useStatus();
  const [chosen, choose] = useLocalStorage<Partial<Settings>>({
    key: "veil-settings",
    defaultValue: {},
    getInitialValueInEffect: false,
  });
  const base = status?.policy ?? builtIn;
  // Cosmetic may have been chosen while the server still offered it.
  const offered = chosen.style !== "cosmetic" || status?.styles.includes("cosmetic");
  const style = (offered ? chosen.style : undefined) ?? base.style;
  const strength = chosen.strength ?? base.strength;
  const profile = chosen.profile ?? base.profile;
  useEffect(() => desk.apply({ style, strength, profile }), [desk, style, strength, profile]);
  const maxBytes = status?.limits.max_bytes;
  useEffect(() => {
    if (maxBytes) desk.limit(maxBytes);
  }, [desk, maxBytes]);
  return [{ style, strength, profile }, (choice) => choose({ ...chosen, ...choice })];
}
