import { z } from "zod";
import { address } from "./address.ts";

/** Where traces go. */
export const tracingSettings = z
  .strictObject({
    url: z.exactOptional(address({ query: true, atSign: true })).meta({
      secret: true,
      shown: "none: nothing is traced",
      expected: "an address such as http://collector:4318/v1/traces",
      description:
        "OpenTelemetry collector that takes traces by OTLP over HTTP: of jobs and requests, without names. A secret, since a token may stand in it: never shown.",
    }),
    share: z.number().min(0).max(1).default(1).describe("Share of traces that are kept, those of callers as they say."),
  })
  .prefault({});
