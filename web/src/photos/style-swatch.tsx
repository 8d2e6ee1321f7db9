import { useId } from "react";
import type { Settings } from "./photo.ts";

const shades = ["#fbe3b4", "#e9a640", "#f7d48f", "#dd9230", "#f5c86f", "#fadfa8", "#f0b24c", "#e9a640", "#fbe9c4"];

/** A head the way a style leaves it. */
export function StyleSwatch({ style }: { style: Settings["style"] }) {
  const id = useId();
  return (
    <svg width="46" height="46" viewBox="0 0 46 46" aria-hidden="true">
      <defs>
        <clipPath id={`${id}tile`}>
          <rect width="46" height="46" rx="10" />
        </clipPath>
        <clipPath id={`${id}head`}>
          <ellipse cx="23" cy="19" rx="10.500" ry="12" />
        </clipPath>
        <radialGradient id={`${id}soft`}>
          <stop offset=".35" stopColor="#f3c06a" />
          <stop offset="1" stopColor="#f3c06a" stopOpacity="0" />
        </radialGradient>
      </defs>
      <g clipPath={`url(#${id}tile)`}>
        <rect width="46" height="46" fill="#cfe5df" />
        <path d="M4 50c0-13 8-19 19-19s19 6 19 19z" fill="#2b8f82" />
        {style === "blur" || style === "cosmetic" ? (
          <ellipse cx="23" cy="19" rx="15" ry="17" fill={`url(#${id}soft)`} />
        ) : null}
        {style === "solid" ? <ellipse cx="23" cy="19" rx="10.500" ry="12" fill="#14181d" /> : null}
        {style === "pixelate" ? (
          <g clipPath={`url(#${id}head)`}>
            {shades.map((shade, index) => (
              <rect
                // biome-ignore lint/suspicious/noArrayIndexKey: a fixed mosaic
                key={index}
                x={12 + (index % 3) * 7.4}
                y={6 + Math.floor(index / 3) * 8.7}
                width="7.600"
                height="8.900"
                fill={shade}
              />
            ))}
          </g>
        ) : null}
      </g>
    </svg>
  );
}
