import { useEffect, useRef } from "react";
import { reviewLink } from "./view.ts";

/** Puts the focus back where it came from when a held picture is left, or on the page where that row is gone. */
export function useReturn(reviewed: string | undefined): void {
  const left = useRef<string>(undefined);
  useEffect(() => {
    if (left.current !== undefined && reviewed === undefined) {
      const link = document.querySelector<HTMLElement>(`main a[href="${reviewLink(left.current)}"]`);
      (link ?? document.querySelector<HTMLElement>("#main"))?.focus();
    }
    left.current = reviewed;
  }, [reviewed]);
}
