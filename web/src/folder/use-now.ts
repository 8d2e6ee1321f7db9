import { useInterval } from "@mantine/hooks";
import { useState } from "react";

/** The time, for "3 minutes ago"; moves on every ten seconds. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useInterval(() => setNow(Date.now()), 10_000, { autoInvoke: true });
  return now;
}
