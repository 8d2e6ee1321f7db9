/** Text that is markup already. */
export interface Markup {
  readonly markup: string;
}

type Value = Markup | string | number | undefined | false | readonly Value[];

/** HTML or SVG; whatever is put in is escaped unless it is markup itself. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return { markup: parts.map((part, index) => `${index === 0 ? "" : textOf(values[index - 1])}${part}`).join("") };
}

/** A text that is known to be safe, such as a style sheet of our own. */
export function raw(markup: string): Markup {
  return { markup };
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function textOf(value: Value): string {
  if (value === undefined || value === false) return "";
  if (typeof value === "object") return "markup" in value ? value.markup : value.map(textOf).join("");
  return String(value).replace(/[&<>"']/g, (character) => escapes[character]!);
}
