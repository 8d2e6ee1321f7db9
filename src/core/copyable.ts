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
/** Data URLs, markup, other files within, pictures of vCards and LDIF (`jpegPhoto:: …`), and what pictures begin with. */
const carriesPicture =
  /data:[\w.+-]*\/|<svg|<img|<html|<!doctype|begin(-base64)? [0-7]{3,4} |%PDF-|^(PHOTO|LOGO)[;:]|^[\w;-]+::\s|JFIF|IHDR|WEBPVP8|ftyp(hei|avi|mif|msf)/im;

/**
 * What the whole content is, never by its name; undefined: nothing that may be copied. Text of any kind counts only
 * where it is UTF-8 throughout and nothing in it could be a picture in other clothes.
 */
export function copyTypeOf(content: Uint8Array): CopyType | undefined {
  if (content.length === 0 || content.length > maxCopyBytes) return undefined;
  const text = textOf(content);
  if (text === undefined || drawing.test(text) || carriesPicture.test(text) || hidesBytes(text)) return undefined;
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
const mostCoded = 2000;
/** As bytes one by one. */
const mostBytes = 600;
/** Shorter words are a person's; base64 is folded at 60 and more. */
const codedWord = 24;
/** `255`, `ff`, `0xff`, `\\xff`, `\\u00ff`: a byte, as programs write it. */
const byteWord = /^(?:\d{1,3}|(?:0?x|u00)[0-9a-f]{1,2}|[0-9a-f]{2})$/i;

/**
 * Whether words could be a file's bytes: in base64 or hexadecimal, in one piece, folded or as a list, or number by number.
 * A long list of identifiers may look so too, and is left alone.
 */
function hidesBytes(text: string): boolean {
  let coded = 0;
  let bytes = 0;
  for (const [word] of text.matchAll(/[\w+/=-]+/g)) {
    if (word.length >= codedWord) coded += word.length;
    bytes = byteWord.test(word) ? bytes + 1 : 0;
    if (coded > mostCoded || bytes > mostBytes) return true;
  }
  return false;
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
