import { downloadZip } from "client-zip";
import type { Photo } from "./photo.ts";

const extensions: Readonly<Record<string, string>> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "image/avif": "avif",
  "image/tiff": "tiff",
  "image/gif": "gif",
};

/** The masked picture's file name: the original's with `-veiled`, and the extension that fits (HEIC comes back as JPEG). */
export function maskedName({ name }: File, type: string): string {
  const dot = name.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot + 1)] : [name, ""];
  const fitting = extensions[type] ?? extension;
  const keep = fitting === extension.toLowerCase() || (fitting === "jpg" && /^jpe?g$/i.test(extension));
  const ending = keep ? extension : fitting;
  return `${stem}-veiled${ending && `.${ending}`}`;
}

/** Hands the masked picture to the browser's downloads. */
export function savePhoto({ file, masked }: Photo): void {
  if (masked) saveUrl(masked.url, maskedName(file, masked.blob.type));
}

/** Hands all masked pictures over in one archive; equal names are numbered. */
export async function saveZip(photos: readonly Photo[]): Promise<void> {
  const taken = new Set<string>();
  const files = photos.flatMap(({ file, masked }) => {
    if (!masked) return [];
    const name = freeName(maskedName(file, masked.blob.type), taken);
    taken.add(name.toLowerCase());
    return [{ name, input: masked.blob, lastModified: new Date() }];
  });
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
