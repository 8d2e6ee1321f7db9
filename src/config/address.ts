import { z } from "zod";

export interface AddressRules {
  /** Whether something behind a `?` belongs to it, which is not shown then. */
  readonly query?: boolean;
  /** Whether its path may have an `@`, as a person's folder may. */
  readonly atSign?: boolean;
  /** Whether a user and a password may stand in it, which is never shown then. */
  readonly login?: boolean;
}

/**
 * An http or https address. Where it is shown with the configuration a password in it would be too: who logs in there has
 * settings for that.
 */
export const address = ({ query = false, atSign = false, login = false }: AddressRules = {}) =>
  z.url({ protocol: /^https?$/ }).superRefine((text, context) => {
    const { username, password, search, hash } = URL.parse(text) ?? {
      username: "",
      password: "",
      search: "",
      hash: "",
    };
    const whys = [
      ...((!login && username + password !== "") || (!atSign && text.includes("@"))
        ? ["no user and no password may stand in it"]
        : []),
      ...(search !== "" && !query ? ["nothing may stand behind a ?"] : []),
      ...(hash !== "" ? ["nothing may stand behind a #"] : []),
    ];
    for (const why of whys) context.addIssue({ code: "custom", params: { why } });
  });

/** A server's name or address, and nothing else. */
export const hostName = z.string().regex(/^[^\s@/?#]+$/);

/** Whether a value that was refused may hold a password or a token: then nobody is told what it was. */
export function mayHoldSecret(value: unknown): boolean {
  return typeof value === "string" && /[/:].*@|\/\/.*[?#]/s.test(value);
}

/** A value as it may be shown, without what stands behind the `?` of an address. */
export function withoutQuery<T>(value: T): T | string {
  return typeof value === "string" ? value.replace(/^(https?:\/\/[^?]*\?).+$/is, "$1(not shown)") : value;
}
