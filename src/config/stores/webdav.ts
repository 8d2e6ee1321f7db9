import { z } from "zod";
import { folder } from "../kinds.ts";

const address = z.string().refine((text) => {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash, pathname } = new URL(text);
  try {
    decodeURIComponent(pathname);
  } catch {
    return false;
  }
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === "");
});

/** A folder of a WebDAV server. */
export const webdavSettings = z.strictObject({
  kind: z.literal("webdav"),
  url: address.meta({
    shown: "required",
    expected: "an http or https address without user and password",
    description: "The folder that the store begins in. veil never makes it.",
  }),
  username: z.exactOptional(
    z
      .string()
      .regex(/^[^:]+$/)
      .meta({ shown: "none", expected: "a name without colons", description: "For Basic authentication." }),
  ),
  password: z.exactOptional(z.string().min(1).meta({ secret: true, shown: "none", description: "Goes with it." })),
  token: z.exactOptional(
    z.string().min(1).meta({ secret: true, shown: "none", description: "In place of both: sent as a bearer token." }),
  ),
  caFile: z.exactOptional(folder("the system's", "Certificate authorities in PEM that the server's must come from.")),
});
