import { Problem } from "../errors.ts";

/** Refuses with `invalid-request` what can't be a key: it would leave the store, or mean two things. */
export function checkKey(key: string): void {
  const fault = faultOf(key);
  if (fault !== undefined) {
    throw new Problem(
      "invalid-request",
      `Expected a relative path for the key but received ${JSON.stringify(key)}: ${fault}`,
    );
  }
}

/** Refuses with `invalid-request` what no store can have for a name, where a name means nothing but itself. */
export function checkName(key: string): void {
  const fault = nameFault(key);
  if (fault === undefined) return;
  throw new Problem("invalid-request", `Expected a name for the key but received ${JSON.stringify(key)}: ${fault}`);
}

function faultOf(key: string): string | undefined {
  const fault = nameFault(key);
  if (fault !== undefined) return fault;
  const segments = key.split("/");
  if (segments.includes("")) return "it has an empty segment";
  if (segments.includes(".") || segments.includes("..")) return "it has a . or .. segment";
  return undefined;
}

function nameFault(key: string): string | undefined {
  if (key === "") return "it is empty";
  if (key.includes("\0")) return "it holds a NUL";
  // A lone surrogate has no UTF-8 form: two such keys would name one file.
  if (!key.isWellFormed()) return "it is not well-formed Unicode";
  return undefined;
}

/** Fails where a body was not as long as was said. Problem: `changed-while-reading`. */
export function requireSize(key: string, got: number, size: number | undefined): void {
  if (size === undefined || got === size) return;
  throw new Problem("changed-while-reading", `Expected ${size} bytes for ${key} but received ${got}`);
}

/** The name of what veil itself writes beside objects until they are whole. */
export function isTemporary(name: string): boolean {
  return name.startsWith(".veil-");
}
