import { type Trouble, troubleOf } from "../api/answer.ts";
import { fetchOriginal } from "../api/reviews.ts";
import type { Size } from "../regions/region-edits.ts";

/** An original on this page, or on its way here. */
export type Seen = { readonly id: string } & (
  | { readonly stage: "loading" }
  | {
      readonly stage: "shown";
      /** An object URL, which `close` revokes. */
      readonly url: string;
      /** Of what is shown, which may be smaller than the picture. */
      readonly size: Size;
    }
  | { readonly stage: "failed"; readonly trouble: Trouble }
);

/** The one place of the page where an original is. */
export type Look = ReturnType<typeof createLook>;

/**
 * Nothing is seen at first. Each `open` is a look that the service records, so it belongs to what a person does, never to
 * a render or an effect. For `useSyncExternalStore`.
 */
export function createLook() {
  let seen: Seen | undefined;
  let control: AbortController | undefined;
  const listeners = new Set<() => void>();

  function change(next: Seen | undefined) {
    seen = next;
    for (const listener of listeners) listener();
  }

  /** Lets go of the pixels. */
  function close() {
    control?.abort();
    control = undefined;
    if (seen?.stage === "shown") URL.revokeObjectURL(seen.url);
    if (seen) change(undefined);
  }

  async function show(id: string, signal: AbortSignal) {
    let url: string | undefined;
    try {
      url = URL.createObjectURL(await fetchOriginal(id, signal));
      const size = await sizeOf(url);
      signal.throwIfAborted();
      change({ id, stage: "shown", url, size });
    } catch (error) {
      if (url !== undefined) URL.revokeObjectURL(url);
      if (!signal.aborted) change({ id, stage: "failed", trouble: troubleOf(error) });
    }
  }

  return {
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    snapshot: () => seen,
    close,
    /** Fetches an original, unless it is here or on its way. */
    open(id: string) {
      if (seen?.id === id && seen.stage !== "failed") return;
      close();
      control = new AbortController();
      change({ id, stage: "loading" });
      void show(id, control.signal);
    },
  };
}

const undecodable: Trouble = { code: "bad-answer", title: "", detail: "" };

/** Once the browser can show it. */
async function sizeOf(url: string): Promise<Size> {
  const image = new Image();
  image.src = url;
  await image.decode().catch(() => {
    throw new Error("The browser can't show the original", { cause: undecodable });
  });
  return { width: image.naturalWidth, height: image.naturalHeight };
}
