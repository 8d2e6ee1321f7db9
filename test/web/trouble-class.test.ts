import assert from "node:assert/strict";
import { test } from "node:test";
import { problemClasses } from "../../src/errors.ts";
import { troubleClasses } from "../../web/src/folder/trouble-class.ts";
import { en } from "../../web/src/i18n/en.ts";
import { formatDuration } from "../../web/src/i18n/format.ts";
import { zh } from "../../web/src/i18n/zh.ts";

test("the page has words for every class of trouble, in both languages", () => {
  assert.deepEqual(troubleClasses, problemClasses);
  for (const name of problemClasses) assert.ok(en[`folder.trouble.${name}`] && zh[`folder.trouble.${name}`], name);
});

test("a duration is one rounded unit", () => {
  const words = [1, 80, 90, 3600, 86_400 * 3].map((seconds) => formatDuration(seconds, "en"));
  assert.deepEqual(words, ["1 second", "80 seconds", "2 minutes", "60 minutes", "3 days"]);
  assert.equal(formatDuration(7200, "zh"), "2小时");
});
