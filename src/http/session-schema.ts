import { z } from "zod";
import { accessRoles } from "../core/access.ts";

export const sessionSchema = z.object({
  login_required: z.boolean().describe("False: whoever is at this machine may do everything"),
  name: z.string().nullable().describe("Who is asking; null: nobody has logged in"),
  roles: z.array(z.enum(accessRoles)),
  ways: z
    .array(z.enum(["key", "oidc"]))
    .describe("How to log in to the page: with an API key, at the identity provider"),
});
export type SessionBody = z.infer<typeof sessionSchema>;

export const keyLoginSchema = z
  .strictObject({ key: z.string().min(1).max(200).describe("An API key") })
  .meta({ examples: [{ key: "veil_0123456789abcdef_…" }] });
