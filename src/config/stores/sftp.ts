import { z } from "zod";
import { hostName } from "../address.ts";
import { count, folder } from "../kinds.ts";

const fingerprint = z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}=?$/);

/** A store on an SFTP server. */
export const sftpSettings = z
  .strictObject({
    kind: z.literal("sftp"),
    host: hostName.meta({
      shown: "required",
      expected: "a name or an address",
      description: "Name or address of the server.",
    }),
    port: count(1, 65_535).default(22).describe("Its port."),
    username: z.string().min(1).meta({ shown: "required", description: "Account to log in as." }),
    password: z
      .exactOptional(z.string().min(1))
      .meta({ shown: "none", secret: true, description: "Its password; also for servers that ask by a dialogue." }),
    privateKey: z.exactOptional(folder("none", "File with its private key.")),
    passphrase: z
      .exactOptional(z.string().min(1))
      .meta({ shown: "none", secret: true, description: "What that file is encrypted with." }),
    hostKey: z.union([fingerprint, z.array(fingerprint).min(1)]).meta({
      shown: "required",
      expected: "a fingerprint as `ssh-keygen -lf` prints it, SHA256:…, or a list of such",
      description: "The server has to show one of these keys.",
    }),
    root: z
      .string()
      .min(1)
      .default(".")
      .describe("Folder on the server; without a leading slash, one below the account's own folder."),
    nonAtomic: z
      .boolean()
      .default(false)
      .describe("Whether objects may be replaced by removing the old one first, on servers that know no better way."),
  })
  .refine(({ password, privateKey }) => password !== undefined || privateKey !== undefined, {
    params: { why: "expected password or privateKey" },
    path: ["password"],
  });
