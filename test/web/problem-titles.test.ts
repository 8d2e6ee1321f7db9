import assert from "node:assert/strict";
import { test } from "node:test";
import { problems } from "../../src/errors.ts";
import { problemTitles } from "../../web/src/i18n/problem-titles.ts";

test("every problem has a title in Chinese, and no title stands for nothing", () => {
  assert.deepEqual(Object.keys(problemTitles).sort(), Object.keys(problems).sort());
});
