/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** One text for one value (RFC 8785): names sorted by UTF-16 units, no blanks, numbers as ECMAScript writes them. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const object = value as JsonObject;
  const names = Object.keys(object).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(object[name]!)}`).join(",")}}`;
}

/** What lies at `a.b.c`; undefined where nothing does. */
export function valueAt(object: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = object;
  for (const name of path.split(".")) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) return undefined;
    value = (value as JsonObject)[name];
  }
  return value;
}

/** The object with another value at `a.b.c`, or without one; its parents must be there. */
export function withValueAt(object: JsonObject, path: string, value: Json | undefined): JsonObject {
  const [name = "", ...rest] = path.split(".");
  if (rest.length > 0) {
    const inner = (object[name] ?? {}) as JsonObject;
    return { ...object, [name]: withValueAt(inner, rest.join("."), value) };
  }
  const { [name]: _, ...others } = object;
  return value === undefined ? others : { ...others, [name]: value };
}
