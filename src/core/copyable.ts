/**
 * What a route may pass on as it is: kinds that can't hold a picture. Images, films, PDF, office files, archives and
 * what nobody recognises are not among them, and never will be.
 */
export const copyTypes = ["text", "csv", "json"] as const;
export type CopyType = (typeof copyTypes)[number];

/** More than a person writes: a larger file is left alone. */
export const maxCopyBytes = 16 * 1024 * 1024;

/** Formats that are text and draw, hold or run something: PostScript, RTF, PNM, XBM and XPM, HTML, XML, mail, uuencode. */
const drawing =
  /^\s*(%!|\{\\rtf|P[1-7]\s|#define\s+\w+_(width|height)\s|\/\* XPM \*\/|<|MIME-Version:|begin(-base64)? [0-7]{3,4} )/i;
const carriesPicture = /data:[\w.+-]*\/|<svg|<img|<html|<!doctype|begin(-base64)? [0-7]{3,4} |%PDF-|^PHOTO[;:]/im;

/**
 * What the whole content is, never by its name; undefined: nothing that may be copied. Text of any kind counts only
 * where it is UTF-8 throughout and nothing in it could be a picture in other clothes.
 */
export function copyTypeOf(content: Uint8Array): CopyType | undefined {
  if (content.length === 0 || content.length > maxCopyBytes) return undefined;
  const text = textOf(content);
  if (text === undefined || drawing.test(text) || carriesPicture.test(text) || hasLongRun(text)) return undefined;
  if (isJson(text)) return "json";
  return isCsv(text) ? "csv" : "text";
}

/** Whether a kind that a route lists takes in what was recognised: CSV and JSON are text too. */
export function maySend(listed: readonly CopyType[], type: CopyType): boolean {
  return listed.includes(type) || listed.includes("text");
}

function textOf(content: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(content);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    return /[\0-\x08\x0b\x0e-\x1f\x7f]/.test(text) ? undefined : text;
  } catch {
    return undefined; // not UTF-8: no kind of text that is listed
  }
}

/** Base64 of the smallest picture that shows a face is longer; ids, hashes and signatures are shorter. */
const longestRun = 2000;

/** Base64, in lines too, and in a JSON string's. */
function hasLongRun(text: string): boolean {
  let run = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isBase64(code)) run += 1;
    else if (code !== 10 && code !== 13 && code !== 92) run = 0;
    if (run > longestRun) return true;
  }
  return false;
}

function isBase64(code: number): boolean {
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isLetter || (code >= 47 && code <= 57) || code === 43 || code === 45 || code === 95;
}

function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // text that begins like JSON
  }
}

/** At least two lines with the same number, two or more, of the same separator. */
function isCsv(text: string): boolean {
  const lines = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .slice(0, 200);
  if (lines.length < 2) return false;
  return [",", ";", "\t"].some((separator) => {
    const counts = lines.map((line) => line.replace(/"(?:[^"]|"")*"/g, "").split(separator).length);
    return counts[0]! > 1 && counts.every((count) => count === counts[0]);
  });
}
