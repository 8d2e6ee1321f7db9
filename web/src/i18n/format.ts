const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

/** 52428800 → "50 MB"; in steps of 1024, as the limits are meant. */
export function formatBytes(bytes: number, language: string): string {
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: units[step]!,
    unitDisplay: "short",
    maximumFractionDigits: 1,
  }).format(bytes / 1024 ** step);
}

const steps = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 365],
] as const;

/** "3 minutes ago" for an ISO time. */
export function formatAgo(iso: string, language: string, now: number): string {
  let value = Math.min(0, (Date.parse(iso) - now) / 1000);
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  for (const [unit, size] of steps) {
    if (Math.abs(value) < size || unit === "day") return format.format(Math.round(value), unit);
    value /= size;
  }
  return iso;
}

/** "3 minutes" for seconds, rounded to one unit. */
export function formatDuration(seconds: number, language: string): string {
  let value = seconds;
  for (const [unit, size] of steps) {
    if (value < size * 1.5 || unit === "day") {
      const rounded = Math.max(1, Math.round(value));
      return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(rounded);
    }
    value /= size;
  }
  return "";
}

/** A moment to the second, in the reader's time zone. */
export function formatMoment(iso: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(iso));
}
