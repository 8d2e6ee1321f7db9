import { downloadZip } from "client-zip";
import type { Photo } from "./photo.ts";

/** Hands the masked picture to the browser's downloads. */
export function savePhoto({ masked }: Photo): void {
  if (masked) saveUrl(masked.url, masked.name);
}

/** Text in the archive about what is not in it. */
export interface Note {
  readonly name: string;
  readonly text: string;
}

/** Hands all masked pictures over in one archive, with a note where there is one; equal names are numbered. */
export async function saveZip(photos: readonly Photo[], note: Note | undefined): Promise<void> {
  const taken = new Set<string>();
  const lastModified = new Date();
  const pictures = photos.flatMap(({ masked }) => {
    if (!masked) return [];
    const name = freeName(masked.name, taken);
    taken.add(name.toLowerCase());
    return [{ name, input: masked.blob as Blob | string, lastModified }];
  });
  const files = note ? [...pictures, { name: freeName(note.name, taken), input: note.text, lastModified }] : pictures;
  const url = URL.createObjectURL(await downloadZip(files).blob());
  saveUrl(url, "veil.zip");
  // The download has its own hold on the bytes once it has begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  let free = name;
  for (let number = 2; taken.has(free.toLowerCase()); number++) free = `${stem} (${number})${ending}`;
  return free;
}

function saveUrl(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}
