import type { Size } from "./photo.ts";

/** The address of a picture that stands for one the browser can't show: hatched paper of its size. */
export function blankSheet({ width, height }: Size): string {
  const step = Math.max(width, height) / 24;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <pattern id="hatch" width="${step}" height="${step}" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect width="${step}" height="${step}" fill="#6d7783"/><rect width="${step / 2}" height="${step}" fill="#747e8a"/>
    </pattern>
    <rect width="100%" height="100%" fill="url(#hatch)"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
