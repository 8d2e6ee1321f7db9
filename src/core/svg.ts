/** Whether a text's first element is `<svg>`: what may stand before it (XML 1.0, 2.8) is passed over, in linear time. */
export function startsSvg(text: string): boolean {
  let at = afterSpace(text, 0);
  for (;;) {
    const rest = endOfProlog(text, at);
    if (rest === undefined) return /^<(?:[A-Za-z_][\w.-]{0,63}:)?svg[\s/>]/.test(text.slice(at, at + 80));
    if (rest < 0) return false;
    at = afterSpace(text, rest);
  }
}

/** Where the declaration, comment or document type at `at` ends; -1: not within the text; undefined: there is none. */
function endOfProlog(text: string, at: number): number | undefined {
  if (text.startsWith("<?", at)) return after(text, "?>", at + 2);
  if (text.startsWith("<!--", at)) return after(text, "-->", at + 4);
  if (!text.startsWith("<!DOCTYPE", at)) return undefined;
  const end = after(text, ">", at);
  // Declarations of the document type's own stand in brackets, and hold ">" themselves.
  const brackets = text.slice(at, end < 0 ? text.length : end).indexOf("[");
  return brackets < 0 ? end : after(text, "]>", at + brackets);
}

function after(text: string, end: string, from: number): number {
  const found = text.indexOf(end, from);
  return found < 0 ? -1 : found + end.length;
}

function afterSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at;
}
