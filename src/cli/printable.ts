/** Text from outside for a terminal: control characters, which could move the cursor or hide lines, are shown as `?`. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
}
