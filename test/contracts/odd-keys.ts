/** Names that people and cameras really give, and that one layer or another likes to rewrite. */
export const oddKeys = [
  "IMG 0001 (1).jpg",
  "Straße/Grüße aus Köln.jpg",
  "nfc-\u00e9.jpg",
  "nfd-e\u0301.jpg",
  "照片/家人/二〇二四.jpg",
  "family 👨‍👩‍👧.jpg",
  "a+b=c & d.jpg",
  "100%.jpg",
  "%2e%2e%2fescape.jpg",
  "%00.jpg",
  ".hidden/.photo.jpg",
  "...jpg",
  "..a/b...jpg",
  "-rf.jpg",
  "~/home.jpg",
  "#1?x=y;z.jpg",
  'it\'s "quoted" `x` $(y).jpg',
  "[a]{b}*!.jpg",
  "line\nbreak\ttab.jpg",
  "UPPER.JPG",
  "no-extension",
  "trailing space .jpg ",
  `${"长".repeat(80)}.jpg`,
  `${"deep/".repeat(30)}x.jpg`,
];

/** What leads out of a folder, or means the same as something else there. */
export const pathKeys = [
  ...["/", "/etc/x.jpg", "..", "../x.jpg", "a/../x.jpg", "a/..", ".", "./x.jpg", "a/./x.jpg"],
  ...["a//x.jpg", "a/"],
];
/** What no store takes. */
export const neverKeys = ["", "a\0.jpg", "\ud800.jpg"];
