import assert from "node:assert/strict";
import { test } from "node:test";
import { inDayWindow, parseDayWindow } from "../../src/core/day-window.ts";

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

test("what is no window is none", () => {
  for (const text of ["", "22-6", "24:00-06:00", "22:00-22:00", "22:60-06:00", "22:00 - 06:00", "22:00-06:00x"])
    assert.equal(parseDayWindow(text), undefined, text);
});
