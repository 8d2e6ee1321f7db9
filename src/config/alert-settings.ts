import { z } from "zod";
import { address, hostName } from "./address.ts";
import { count, folder } from "./kinds.ts";

const mailAddress = z.string().regex(/^[^\s@<>]+@[^\s@<>,]+$/);

/** Who is told when something needs a person. */
export const alertSettings = z
  .strictObject({
    intervalMinutes: count(1, 1440)
      .default(60)
      .describe("After an alert went out, for how long more of its kind and route are only counted."),
    summaryHour: z.exactOptional(count(0, 23)).meta({
      shown: "none is sent",
      description: "Hour of the daily summary, in local time.",
    }),
    webhook: z
      .strictObject({
        url: z.exactOptional(address({ query: true, atSign: true, login: true })).meta({
          shown: "none",
          secret: true,
          expected: "an address such as https://example.org/hook",
          description: "Where alerts are posted to; see docs/alerts.md. A secret: never shown.",
        }),
        secretFile: z.exactOptional(
          folder("`webhook.secret` in the data folder, made at first use", "File with the key that signs them."),
        ),
        allowPrivate: z
          .boolean()
          .default(false)
          .describe("Whether the address may be one of this machine or of a private network."),
      })
      .prefault({}),
    mail: z
      .strictObject({
        host: z.exactOptional(hostName).meta({
          shown: "none",
          expected: "a name or an address",
          description: "Mail server that takes alerts.",
        }),
        port: count(1, 65_535).default(587).describe("Its port."),
        security: z
          .enum(["starttls", "tls", "none"])
          .default("starttls")
          .describe("How the way to it is encrypted; none only for one on this machine."),
        user: z.exactOptional(z.string().min(1)).meta({ shown: "none", description: "User to log in as." }),
        passwordFile: z.exactOptional(folder("none", "File with that user's password.")),
        from: z.exactOptional(mailAddress).meta({
          shown: "none",
          expected: "an address such as veil@example.org",
          description: "Sender.",
        }),
        to: z
          .exactOptional(
            z.string().refine((value) => value.split(",").every((one) => mailAddress.safeParse(one.trim()).success)),
          )
          .meta({
            shown: "none",
            expected: "an address such as it@example.org, or several, comma-separated",
            description: "Who gets them.",
          }),
      })
      .prefault({}),
  })
  .prefault({});
