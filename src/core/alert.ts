/** Something that a person should hear of without asking. */
export interface Alert {
  readonly kind: "share-gone" | "share-back" | "silence" | "clock-jump" | "mass-deletion";
  /** The route that it is about; absent: all of veil. */
  readonly route?: string;
  /** In words; names of folders, never of what is in them. */
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}
