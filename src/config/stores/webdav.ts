import { z } from "zod";
import { address } from "../address.ts";
import { folder } from "../kinds.ts";

/** Its path is read, not only passed on. */
const folderAddress = address({ atSign: true }).refine((text) => {
  try {
    return decodeURIComponent(URL.parse(text)?.pathname ?? "") !== undefined;
  } catch {
    return false;
  }
});

/** A folder of a WebDAV server. */
export const webdavSettings = z.strictObject({
  kind: z.literal("webdav"),
  url: folderAddress.meta({
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
