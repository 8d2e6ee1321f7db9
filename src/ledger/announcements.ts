/** Names that stores have told of, kept until somebody has looked at them: an answer to an event means that they are. */
export interface Announcements {
  /** Durable when it returns. A name that waits already waits anew, in its place. */
  add(names: readonly AnnouncedName[]): Promise<void>;
  /** Those of a route, the oldest first. */
  next(route: string, limit: number): Promise<readonly Announcement[]>;
  /** Lets go of them, but not of one that was announced once more meanwhile. */
  done(announcements: readonly Announcement[]): Promise<void>;
  /** Lets go of all names of those routes: they are configured no more. */
  forget(routes: readonly string[]): Promise<void>;
  /** How many wait, by route; none: not named. */
  waiting(): Promise<Readonly<Record<string, number>>>;
}

export interface AnnouncedName {
  readonly route: string;
  readonly key: string;
}

export interface Announcement extends AnnouncedName {
  /** Another one each time that the name is announced. */
  readonly number: number;
}
