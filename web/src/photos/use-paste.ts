import { useEffect } from "react";

/** Calls back with the files of a paste anywhere on the page. */
export function usePaste(onFiles: (files: readonly File[]) => void): void {
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      onFiles(files);
    };
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  }, [onFiles]);
}
