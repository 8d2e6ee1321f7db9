/** What the names of pictures begin with that `veil selftest` sends through a route: reports leave them out. */
export const selfTestPrefix = "veil-selftest-";
