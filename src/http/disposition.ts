/** Content-Disposition with a file name of any script (RFC 6266): to be shown, and saved under that name. */
export function inlineAs(name: string): string {
  // Line breaks and what turns the direction of text would show another name than the one that is saved.
  const visible = name.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "_");
  const short = shortened(visible);
  const plain = short.replace(/[^\x20-\x7e]|["\\%/]/g, "_");
  const coded = encodeURIComponent(short.toWellFormed()).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `inline; filename="${plain}"; filename*=UTF-8''${coded}`;
}

/** Longer names than file systems take would make a header that clients refuse. */
const longest = 200;

function shortened(name: string): string {
  return name.length <= longest ? name : `${name.slice(0, longest - 20)}~${name.slice(-19)}`;
}
