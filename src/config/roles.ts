export const roleNames = ["api", "sources", "worker"] as const;
export type Role = (typeof roleNames)[number];

/** What a process does, of what the setting says. */
export function rolesOf({ roles }: { readonly roles: string }): ReadonlySet<Role> {
  return new Set(roleNames.filter((name) => roles.split(",").some((one) => one.trim() === name)));
}
