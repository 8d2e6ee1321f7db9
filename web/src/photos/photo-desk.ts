import { isPermanent, type Trouble, troubleOf } from "../api/answer.ts";
import { type Edits, noEdits } from "../regions/region-edits.ts";
import { canShow, maskPhoto } from "./mask-photo.ts";
import type { Masked, Photo, Settings } from "./photo.ts";

/** Where the photos lie while they are masked. At most two are with the server at a time; the others wait. */
export type PhotoDesk = ReturnType<typeof createPhotoDesk>;

const atOnce = 2;
/** A drag or a held arrow key makes many edits; the photo is masked again when they pause. */
const editPauseMs = 350;

/** An empty desk. Its snapshot changes with every step, for `useSyncExternalStore`. */
export function createPhotoDesk() {
  let photos: readonly Photo[] = [];
  let settings: Settings = { style: "blur", strength: "standard", profile: "balanced" };
  let maxBytes = Number.POSITIVE_INFINITY;
  let count = 0;
  const listeners = new Set<() => void>();
  const running = new Map<string, AbortController>();
  const pauses = new Map<string, ReturnType<typeof setTimeout>>();

  function change(next: readonly Photo[]) {
    photos = next;
    for (const listener of listeners) listener();
  }

  function patch(id: string, fields: Partial<Photo>) {
    change(photos.map((photo) => (photo.id === id ? { ...photo, ...fields } : photo)));
  }

  function startNext() {
    while (running.size < atOnce) {
      const next = photos.find(({ id, stage }) => stage === "waiting" && !running.has(id) && !pauses.has(id));
      if (!next) return;
      void work(next);
    }
  }

  async function work(photo: Photo) {
    const { id } = photo;
    const control = new AbortController();
    const { signal } = control;
    running.set(id, control);
    patch(id, { stage: "uploading", sent: 0, trouble: undefined });
    const onSent = (sent: number) => {
      if (!signal.aborted) patch(id, { sent, stage: sent < 1 ? "uploading" : "masking" });
    };
    try {
      const shows = photo.shows ?? (await canShow(photo.url));
      if (!signal.aborted) patch(id, { shows });
      // The server would hang up in the middle of the upload, which looks like no answer at all.
      if (photo.file.size > maxBytes) throw new Error("too large", { cause: tooLarge });
      const outcome = await maskPhoto({ ...photo, shows }, { settings, onSent, signal });
      if (signal.aborted) {
        revoke(outcome.masked);
        if (outcome.preview !== photo.preview) revokeUrl(outcome.preview);
        return;
      }
      dropResult(id);
      patch(id, { stage: "done", ...outcome });
    } catch (error) {
      if (signal.aborted) return;
      // A result of before would not be what is asked for now: it goes, so that nobody takes it for that.
      dropResult(id);
      patch(id, { stage: "failed", trouble: troubleOf(error), masked: undefined });
    } finally {
      running.delete(id);
      startNext();
    }
  }

  function dropResult(id: string) {
    const masked = photos.find((photo) => photo.id === id)?.masked;
    if (masked) revoke(masked);
  }

  function again(id: string) {
    running.get(id)?.abort();
    patch(id, { stage: "waiting", trouble: undefined });
  }

  function takeAway(leaving: readonly Photo[]) {
    for (const { id, url, preview } of leaving) {
      running.get(id)?.abort();
      clearTimeout(pauses.get(id));
      pauses.delete(id);
      dropResult(id);
      revokeUrl(url);
      revokeUrl(preview);
    }
    change(photos.filter((photo) => !leaving.includes(photo)));
  }

  return {
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    snapshot: () => photos,
    /** Lays files on the desk and answers with their ids. */
    add(files: readonly File[]): readonly string[] {
      const added = files.map((file) => blank(`photo-${++count}`, file));
      change([...photos, ...added]);
      startNext();
      return added.map(({ id }) => id);
    },
    remove: (id: string) => takeAway(photos.filter((photo) => photo.id === id)),
    clear: () => takeAway(photos),
    retry(id: string) {
      again(id);
      startNext();
    },
    /** Files beyond the server's limit are not sent at all. */
    limit(bytes: number) {
      maxBytes = bytes;
    },
    /** Masks everything again the new way, if it is one. */
    apply(next: Settings) {
      if (JSON.stringify(next) === JSON.stringify(settings)) return;
      settings = next;
      for (const { id, trouble } of photos) if (!trouble || !isPermanent(trouble)) again(id);
      startNext();
    },
    /** Changes a photo's regions and masks it again after a pause. */
    edit(id: string, edits: Edits) {
      again(id);
      patch(id, { edits });
      clearTimeout(pauses.get(id));
      const resume = () => {
        pauses.delete(id);
        startNext();
      };
      pauses.set(id, setTimeout(resume, editPauseMs));
    },
  };
}

const tooLarge: Trouble = { code: "too-large-here", title: "", detail: "" };

function revoke({ url, preview }: Masked): void {
  revokeUrl(url);
  revokeUrl(preview);
}

function revokeUrl(url: string | undefined): void {
  if (url !== undefined) URL.revokeObjectURL(url);
}

function blank(id: string, file: File): Photo {
  const url = URL.createObjectURL(file);
  const none = {
    shows: undefined,
    preview: undefined,
    masked: undefined,
    size: undefined,
    found: undefined,
    trouble: undefined,
  };
  return { id, file, url, stage: "waiting", sent: 0, edits: noEdits, ...none };
}
