import type { FileInfo, FTPResponse } from "basic-ftp";
import type { Connection } from "./ftp-connect.ts";
import { refusal, statusOf } from "./ftp-problem.ts";
import type { ObjectInfo } from "./store.ts";

/** What lies at a path. */
export interface Facts {
  /** Neither: a link, a pipe, whatever. */
  readonly kind: "file" | "folder" | "other";
  readonly size: number;
  /** Whole seconds since 1970. */
  readonly seconds: number;
}

/** Undefined: nothing, or a folder on servers without MLST. */
export async function look(connection: Connection, path: string): Promise<Facts | undefined> {
  const { features } = connection;
  if (features.has("MLST")) {
    const reply = await connection.send(`MLST ${path}`);
    if (reply.code >= 400) return refusedOr(reply, path);
    const facts = factsOf(reply.message);
    if (facts !== undefined) return facts;
  }
  const sized = await connection.send(`SIZE ${path}`);
  if (sized.code === 213) {
    const timed = await connection.send(`MDTM ${path}`);
    const seconds = timed.code === 213 ? secondsOf(timed.message.slice(4)) : undefined;
    if (seconds !== undefined) return { kind: "file", size: Number.parseInt(sized.message.slice(4), 10), seconds };
  } else if (features.has("SIZE")) return refusedOr(sized, path);
  return await fromListing(connection, path);
}

/** Nothing is there; or it is, and is not ours to see. */
function refusedOr(reply: FTPResponse, path: string): undefined {
  const error = refusal(reply, path);
  if (![450, 501, 550, 553].includes(statusOf(error) as number)) throw error;
}

/** Enters a folder; false: there is none. */
export async function enter(connection: Connection, path: string): Promise<boolean> {
  const reply = await connection.send(`CWD ${path}`);
  if (reply.code < 400) return true;
  refusedOr(reply, path);
  return false;
}

async function fromListing(connection: Connection, path: string): Promise<Facts | undefined> {
  const at = path.lastIndexOf("/");
  if (!(await enter(connection, path.slice(0, at) || "/"))) return undefined;
  const { entries } = await connection.list();
  const entry = entries.find(({ name }) => name === path.slice(at + 1));
  return entry && listedFacts(entry);
}

/** What a listing tells of an entry, to the minute where it is LIST's; undefined: not when it was changed. */
export function listedFacts(entry: FileInfo): Facts | undefined {
  const kind = entry.isDirectory ? "folder" : entry.isFile ? "file" : "other";
  const ms = entry.modifiedAt?.getTime() ?? minuteOf(entry.rawModifiedAt, Date.now());
  if (ms === undefined && kind === "file") return undefined;
  return { kind, size: entry.size, seconds: Math.floor((ms ?? 0) / 1000) };
}

/** The one fact line of MLST's reply. */
function factsOf(message: string): Facts | undefined {
  const line = message.split("\n").find((one) => /^\s*\S+=\S*;/.test(one)) ?? "";
  const facts = new Map(
    line
      .trimStart()
      .split(" ", 1)[0]!
      .split(";")
      .map((fact) => [fact.slice(0, fact.indexOf("=")).toLowerCase(), fact.slice(fact.indexOf("=") + 1)]),
  );
  const type = facts.get("type")?.toLowerCase();
  if (type === undefined) return undefined;
  if (type === "dir" || type === "cdir" || type === "pdir") return { kind: "folder", size: 0, seconds: 0 };
  const [size, seconds] = [Number.parseInt(facts.get("size") ?? "", 10), secondsOf(facts.get("modify") ?? "")];
  if (type !== "file") return { kind: "other", size: 0, seconds: 0 };
  return Number.isNaN(size) || seconds === undefined ? undefined : { kind: "file", size, seconds };
}

/** RFC 3659's YYYYMMDDHHMMSS, always in UTC. */
function secondsOf(text: string): number | undefined {
  const digits = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(text.trim())?.slice(1).map(Number);
  if (digits === undefined) return undefined;
  const [year, month, ...rest] = digits as [number, number, number, number, number, number];
  return Date.UTC(year, month - 1, ...rest) / 1000;
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** LIST's `Nov 28 22:40`, `Nov 28  2025` or `11-28-26  10:40PM`, taken for UTC. Without a year: the last such day. */
export function minuteOf(text: string, now: number): number | undefined {
  const dos = /^(\d\d)-(\d\d)-(\d{2}|\d{4})\s+(\d\d):(\d\d)\s*([AP]M)?$/i.exec(text.trim());
  if (dos !== null) {
    const [month, day, year, hour, minute] = dos.slice(1, 6).map(Number) as [number, number, number, number, number];
    const half = dos[6]?.toUpperCase() === "PM" ? 12 : 0;
    return Date.UTC(year < 100 ? 2000 + year : year, month - 1, day, dos[6] ? (hour % 12) + half : hour, minute);
  }
  const unix = /^([a-z]{3})\s+(\d{1,2})\s+(?:(\d{4})|(\d{1,2}):(\d\d))$/i.exec(text.trim());
  const month = months.indexOf(unix?.[1]?.toLowerCase() ?? "");
  if (unix === null || month < 0) return undefined;
  const [day, year, hour, minute] = unix.slice(2).map((part) => (part === undefined ? undefined : Number(part)));
  if (year !== undefined) return Date.UTC(year, month, day);
  const thisYear = new Date(now).getUTCFullYear();
  const ms = Date.UTC(thisYear, month, day, hour, minute);
  // The server may be in a zone where it is tomorrow already.
  return ms > now + 86_400_000 ? Date.UTC(thisYear - 1, month, day, hour, minute) : ms;
}

export function infoOf(key: string, { size, seconds }: Facts): ObjectInfo {
  return { key, version: `${size}-${seconds}`, size, modifiedAt: seconds * 1000 };
}
