import { Writable } from "node:stream";
import { type Logger, pino } from "pino";

export type { Logger };

export interface LogOptions {
  readonly level: string;
  /** Lines for a person instead of JSON. */
  readonly human: boolean;
  /** Where JSON goes; absent: standard error. */
  readonly to?: Writable;
}

const names: Readonly<Record<number, string>> = { 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

/** Structured log on standard error: ids, codes, names of objects, durations; never image content, tokens or query strings. */
export function createLog({ level, human, to }: LogOptions): Logger {
  // Node hands over what was no HTTP with all that came: a token may be in it.
  const redact = { paths: ["err.rawPacket"], remove: true };
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact };
  return pino(options, human ? humanLines() : (to ?? pino.destination({ fd: 2, sync: true })));
}

function humanLines(): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const { level, time, msg, err, ...rest } = JSON.parse(chunk.toString());
      const details = Object.entries(rest).map(
        ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
      );
      const parts = [time.slice(11, 19), (names[level] ?? "log").padEnd(5), msg, ...details, err?.message];
      // A file's name may hold characters that move a terminal's cursor.
      const line = parts
        .filter(Boolean)
        .join(" ")
        .replace(/[\p{Cc}\p{Cf}]/gu, "?");
      process.stderr.write(`  ${line}\n`, () => done());
    },
  });
}
