import { z } from "zod";
import { address } from "./address.ts";
import { count, folder } from "./kinds.ts";

/** An address or a network, comma-separated with others: `10.0.0.0/8, 192.168.1.5, ::1`. */
const networks = /^[\da-f.:]+(\/\d{1,3})?(\s*,\s*[\da-f.:]+(\/\d{1,3})?)*$/i;
const algorithms = /^[A-Z][A-Za-z]+\d*(\s*,\s*[A-Z][A-Za-z]+\d*)*$/;

const origin = address().refine((text) => (URL.parse(text)?.pathname ?? "/") === "/");

/** How others reach veil. */
export const httpSettings = z
  .strictObject({
    certFile: z.exactOptional(
      folder("none: HTTP", "Certificate in PEM, with what it was signed by. Read again when it has changed."),
    ),
    keyFile: z.exactOptional(folder("none", "The certificate's key in PEM.")),
    publicUrl: z.exactOptional(origin).meta({
      shown: "none",
      expected: "an address such as https://veil.example.org",
      description: "Where people find the page, if a proxy or a name stands before veil.",
    }),
    trustedProxies: z.exactOptional(z.string().regex(networks)).meta({
      shown: "none",
      expected: "addresses or networks, comma-separated, such as 10.0.0.0/8, 192.168.1.5",
      description: "Proxies that end TLS before veil: what they say of their clients is believed.",
    }),
    allowPlain: z
      .boolean()
      .default(false)
      .describe(
        "Whether anybody may come by plain HTTP: passwords and pictures then cross the network for all to read.",
      ),
    requestsPerMinute: count(1).default(1200).describe("Most requests a minute of one client, once there is a login."),
    addressRequestsPerMinute: count(1).default(6000).describe("The same from one address, whoever asks."),
    uploadsAtOnce: count(1).default(256).describe("Most uploads at once, of all clients together."),
    clientUploadsAtOnce: count(1).default(64).describe("Most uploads at once of one client."),
    connections: count(16)
      .default(12_000)
      .describe("Most connections at once; others are closed. Fewer where the system lets veil open fewer files."),
    addressConnections: count(1)
      .default(2000)
      .describe(
        "The same from one address (IPv6: one /64), half of all at most. This machine and trusted proxies have no limit.",
      ),
    headersMs: count(100)
      .default(60_000)
      .describe(
        "Longest time for a request's headers, then it is answered 408; for a TLS handshake; and for saying anything at all.",
      ),
    requestMs: count(100)
      .default(900_000)
      .describe("Longest time for a whole request to come in, and for nothing of its answer to be taken."),
  })
  .prefault({});

/** Who may come in, and how that is known. */
export const authSettings = z
  .strictObject({
    required: z
      .boolean()
      .default(false)
      .describe(
        "Whether a login is needed on this machine too. Anywhere else, and with tokens or an identity provider, it always is.",
      ),
    sessionHours: count(1, 720).default(8).describe("How long a login to the page lasts."),
    rolePrefix: z
      .string()
      .default("veil-")
      .describe("What roles in tokens and at the identity provider begin with, for example veil-review."),
    privateHosts: z.exactOptional(z.string().min(1)).meta({
      shown: "none",
      expected: "names or addresses, comma-separated",
      description: "Hosts of a private network that may be asked for keys of tokens and logins.",
    }),
    jwt: z
      .strictObject({
        issuer: z
          .exactOptional(
            z
              .string()
              .min(1)
              .refine((text) => !/\/\/.*@/s.test(text)),
          )
          .meta({
            shown: "none: no tokens are taken",
            expected: "text, without a password",
            description: "Who issues tokens: their `iss`. With it, JWTs are taken as bearer tokens.",
          }),
        audience: z.string().min(1).default("veil").describe("For whom they are meant: their `aud`."),
        algorithms: z.string().regex(algorithms).default("RS256, PS256, ES256, EdDSA").meta({
          expected: "algorithms of JWS, comma-separated: those with pairs of keys, or HS256 and its like, never both",
          description: "By which they may be signed.",
        }),
        type: z.string().min(1).default("JWT").describe("Their header's `typ`; at+jwt as RFC 9068 has it."),
        keysFile: z.exactOptional(
          folder("none", "A public key in PEM, or a JWKS, that they are checked with. Read again when it has changed."),
        ),
        jwksUrl: z.exactOptional(address({ query: true })).meta({
          shown: "none",
          expected: "an address",
          description: "Where the JWKS is, if not in a file. What stands behind a ? is not shown.",
        }),
        rolesClaim: z
          .string()
          .min(1)
          .default("roles")
          .describe(
            "Claim with the roles: a list, or words with spaces between; dots lead inside, as in realm_access.roles.",
          ),
      })
      .prefault({}),
    oidc: z
      .strictObject({
        issuer: z.exactOptional(address()).meta({
          shown: "none",
          expected: "an address",
          description: "Identity provider (OpenID Connect) that people log in to the page with.",
        }),
        clientId: z.exactOptional(z.string().min(1)).meta({ shown: "none", description: "veil's name there." }),
        clientSecret: z.exactOptional(z.string().min(1)).meta({
          secret: true,
          shown: "none",
          description: "Its secret there. A secret: never shown.",
        }),
        scope: z.string().min(1).default("openid profile").describe("What is asked for."),
        rolesClaim: z
          .string()
          .min(1)
          .default("roles")
          .describe("Claim of the ID token with the roles, as for auth.jwt.rolesClaim."),
      })
      .prefault({}),
  })
  .prefault({});
