import { z } from "zod";
import { count } from "./kinds.ts";

/** An address for monitors alone. */
export const monitorSettings = z
  .strictObject({
    host: z.exactOptional(z.string().min(1)).meta({
      shown: "none: monitors ask the page's address",
      description:
        "Address where `/healthz`, `/readyz` and `/metrics` are answered too, and nothing else, to whoever asks: counts and names of routes.",
    }),
    port: count(0, 65_535).default(9464).describe("Its port."),
  })
  .prefault({});
