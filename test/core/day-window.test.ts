import assert from "node:assert/strict";
import { test } from "node:test";
import { inDayWindow, minutesThrough, parseDayWindow } from "../../src/core/day-window.ts";

test("a window of the day may lie over midnight, and its end is outside", () => {
  const night = parseDayWindow("22:00-06:00")!;
  const inside = ["22:00", "23:59", "00:00", "05:59"];
  const outside = ["21:59", "06:00", "12:00"];
  const minute = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
  for (const time of inside) assert.ok(inDayWindow(night, minute(time)), time);
  for (const time of outside) assert.ok(!inDayWindow(night, minute(time)), time);
  const lunch = parseDayWindow("12:30-13:15")!;
  assert.deepEqual(
    ["12:29", "12:30", "13:14", "13:15", "00:00"].map((time) => inDayWindow(lunch, minute(time))),
    [false, true, true, false, false],
  );
});

test("work inside a window takes the time outside it too", () => {
  const night = parseDayWindow("22:00-06:00")!;
  const [eleven, noon, half, six, ten] = [23 * 60, 12 * 60, 5 * 60 + 30, 6 * 60, 22 * 60];
  const cases = [
    [eleven, 30, 30],
    [eleven, 7 * 60, 7 * 60],
    [eleven, 7 * 60 + 1, 7 * 60 + 16 * 60 + 1],
    [noon, 60, 11 * 60],
    [noon, 8 * 60, 18 * 60],
    [six, 1, 16 * 60 + 1],
    [half, 30 + 8 * 60 * 2 + 5, 30 + 24 * 60 * 2 + 16 * 60 + 5],
    [ten, 0.5, 0.5],
    [half, 0, 0],
  ] as const;
  for (const [from, minutes, passed] of cases) {
    assert.equal(minutesThrough(night, from, minutes), passed, `${minutes} minutes from minute ${from} on`);
    // Minute by minute it comes to the same.
    let [at, left] = [from as number, minutes as number];
    for (; left >= 1; at += 1) if (inDayWindow(night, at % 1440)) left -= 1;
    if (Number.isInteger(minutes) && minutes > 0) assert.equal(at - from, passed);
  }
  assert.equal(minutesThrough(parseDayWindow("12:30-13:15")!, 13 * 60, 46), 15 + 1395 + 31);
});

test("what is no window is none", () => {
  for (const text of ["", "22-6", "24:00-06:00", "22:00-22:00", "22:60-06:00", "22:00 - 06:00", "22:00-06:00x"])
    assert.equal(parseDayWindow(text), undefined, text);
});
