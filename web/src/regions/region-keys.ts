import type { Box, Size } from "./region-edits.ts";

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Where an arrow key puts a box (with Shift: how large it makes it), a hundredth of the picture a time; else nothing. */
export function nudge(box: Box, { key, shiftKey }: { key: string; shiftKey: boolean }, size: Size): Box | undefined {
  const arrow = arrows[key];
  if (!arrow) return undefined;
  const step = Math.max(1, Math.round(Math.max(size.width, size.height) / 100));
  const [dx, dy] = [arrow[0] * step, arrow[1] * step];
  if (shiftKey) return { ...box, width: Math.max(step, box.width + dx), height: Math.max(step, box.height + dy) };
  const x = Math.min(Math.max(box.x + dx, 0), size.width - box.width);
  const y = Math.min(Math.max(box.y + dy, 0), size.height - box.height);
  return { ...box, x, y };
}

/** A face-shaped box in the middle, to be moved from there. */
export function centredBox({ width, height }: Size): Box {
  const wide = Math.max(8, Math.round(Math.min(width, height) * 0.14));
  const tall = Math.round(wide * 1.25);
  return { x: Math.round((width - wide) / 2), y: Math.round((height - tall) / 2), width: wide, height: tall };
}
