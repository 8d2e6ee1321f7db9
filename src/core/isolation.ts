/** What engine processes can be shut into, the tightest first. */
export const isolations = ["bubblewrap", "setpriv", "none"] as const;
export type Isolation = (typeof isolations)[number];

/** What a configuration may ask for; `auto`: the tightest that works; `required`: the same, and nothing that leaves network or files open. */
export const isolationChoices = ["auto", "required", ...isolations] as const;
export type IsolationChoice = (typeof isolationChoices)[number];

/** What engine processes can't do, as one of them found out by trying. */
export interface Confinement {
  readonly kind: Isolation;
  /** Whether the network is another one than the service's, with nobody in it. */
  readonly offline: boolean;
  /** Whether the service's files are out of sight. */
  readonly blind: boolean;
  /** Whether the kernel refuses them calls that no decoder makes. */
  readonly filtered: boolean;
  /** Whether each runs as a user of its own. */
  readonly asOthers: boolean;
  /** Tighter ones that were tried, and why each does not work here. */
  readonly passedOver: readonly string[];
}

/** Whether a decoder that was broken into reaches nobody, and no other file. */
export function isConfined({ offline, blind }: Confinement): boolean {
  return offline && blind;
}

/** For a person: what holds. */
export function confinementWords({ kind, offline, blind, filtered, asOthers }: Confinement): string {
  if (kind === "none") return "none: engine processes may do whatever veil may";
  const holds = [
    offline ? "no network" : "the machine's network",
    blind ? "no file but the picture" : "every file that their user may read",
    ...(asOthers ? ["a user for each"] : []),
    "no new privileges",
    ...(filtered ? ["calls of the kernel filtered"] : []),
  ];
  return `${kind}: ${holds.join(", ")}`;
}
