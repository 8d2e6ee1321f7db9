import { Problem } from "../errors.ts";

export function absent(key: string, name: string): Problem {
  return new Problem("not-found", `There is no ${key} in ${name}`);
}

export function taken(key: string, name: string): Problem {
  return new Problem("already-exists", `There is something else at ${key} in ${name}`);
}
