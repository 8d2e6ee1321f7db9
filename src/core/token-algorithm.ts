/** By which algorithms a token may be signed: with a pair of keys, or with one secret. Never both, and never `none`. */
export const pairAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;
export const secretAlgorithms = ["HS256", "HS384", "HS512"] as const;
export type TokenAlgorithm = (typeof pairAlgorithms)[number] | (typeof secretAlgorithms)[number];
