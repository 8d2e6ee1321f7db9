/** A stretch of each day, minutes since midnight; over midnight where it ends before it begins. */
export interface DayWindow {
  readonly from: number;
  readonly to: number;
}

/** For example `22:00-06:00`; undefined where the text is none, or the stretch has no length. */
export function parseDayWindow(text: string): DayWindow | undefined {
  const [, h1, m1, h2, m2] = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (m2 === undefined) return undefined;
  const [from, to] = [Number(h1) * 60 + Number(m1), Number(h2) * 60 + Number(m2)];
  return from === to ? undefined : { from, to };
}

const dayMinutes = 1440;

/** How many minutes pass, from that minute of the day on, until so many of them have been inside the window. */
export function minutesThrough({ from, to }: DayWindow, minuteOfDay: number, minutes: number): number {
  const length = (to - from + dayMinutes) % dayMinutes;
  const since = (minuteOfDay - from + dayMinutes) % dayMinutes;
  const isOpen = since < length;
  // Counted from the begin of the window that is open, or of the next one.
  const total = minutes + (isOpen ? since : 0);
  const wholeDays = Math.max(0, Math.ceil(total / length) - 1);
  const passed = wholeDays * (dayMinutes - length) + total;
  return isOpen ? passed - since : passed + dayMinutes - since;
}

/** Whether the minute of the day is in the window; its end is not. */
export function inDayWindow({ from, to }: DayWindow, minuteOfDay: number): boolean {
  return from < to ? minuteOfDay >= from && minuteOfDay < to : minuteOfDay >= from || minuteOfDay < to;
}
