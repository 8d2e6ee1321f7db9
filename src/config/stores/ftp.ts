import { z } from "zod";
import { hostName } from "../address.ts";
import { count, folder } from "../kinds.ts";

const line = z.string().regex(/^[^\r\n\0]+$/);

/** A store on an FTP server. */
export const ftpSettings = z.strictObject({
  kind: z.literal("ftp"),
  host: hostName.meta({
    shown: "required",
    expected: "a name or an address",
    description: "Name or address of the server.",
  }),
  port: count(1, 65_535).default(21).describe("Its port; servers with implicit TLS often listen on 990."),
  username: line.meta({ shown: "required", description: "Account to log in as." }),
  password: line.meta({ shown: "required", secret: true, description: "Its password." }),
  tls: z
    .enum(["explicit", "implicit", "none"])
    .default("explicit")
    .describe("How the way to it is encrypted; none sends password and pictures in the clear."),
  caFile: z.exactOptional(folder("the system's", "File with the certificates that may sign the server's.")),
  root: line
    .default(".")
    .describe("Folder on the server; without a leading slash, one below the account's own folder."),
  connections: count(2, 32).default(4).describe("Most connections at once."),
});
