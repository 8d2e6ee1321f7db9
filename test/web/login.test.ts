import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { type Program, startProgram, temporaryDataDir } from "../e2e/program.ts";
import { runVeil } from "../fixtures/veil-command.ts";
import { assertAccessible, assertNoSidewaysScroll, noBrowser, openTab, startBrowser } from "./browser.ts";
import { given, handOver, masked } from "./desk.ts";

const portraitPath = new URL("../fixtures/astronaut.png", import.meta.url).pathname;

describe("the page's login", { skip: noBrowser }, () => {
  let dataDir: string;
  let veil: Program;
  let browser: Browser;
  const keyFor = async (name: string, ...roles: string[]) => {
    const flags = roles.flatMap((role) => ["--role", role]);
    return (await runVeil(["--data-dir", dataDir, "keys", "create", name, ...flags])).out.trim();
  };

  before(async () => {
    dataDir = await temporaryDataDir();
    await keyFor("the first", "admin");
    const flags = ["--set", "auth.required=true", "--set", "folder.settleMs=100", "--set", "folder.incompleteMs=300"];
    veil = await startProgram({ dataDir, flags });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await veil?.[Symbol.asyncDispose]();
    if (dataDir) await rm(dataDir, { recursive: true, force: true });
  });

  async function logIn(page: Page, key: string): Promise<void> {
    await page.getByRole("textbox", { name: "API key" }).fill(key);
    await page.getByRole("button", { name: "Log in with the key" }).click();
  }
  const viewLink = (page: Page, name: string) => page.getByRole("navigation").getByRole("link", { name });

  test("asks for a key before it shows anything, says when it is wrong, and goes on where it was after a logout", async () => {
    const key = await keyFor("anna", "submit");
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    assert.equal(await viewLink(page, "Photos").count(), 0);
    await page.getByText("go to your organisation's veil and nowhere else").waitFor();
    assert.equal(await page.getByText("never leave this machine").count(), 0);
    await assertAccessible(page, "the login");
    await logIn(page, `${key.slice(0, -4)}AAAA`);
    await page.getByText("There is no such key, or it was revoked or has expired.").waitFor();
    await logIn(page, key);
    await page.getByRole("heading", { name: /Drop photos/ }).waitFor();
    await handOver(page, "drop", await given(portraitPath));
    await masked(page, 1);
    // The key stays nowhere in the page.
    assert.deepEqual(
      await page
        .evaluate("[document.cookie, JSON.stringify({ ...localStorage, ...sessionStorage })]")
        .then((all) => (all as string[]).filter((one) => one.includes("veil_"))),
      [],
    );
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
  });

  test("shows what the roles allow, and nothing that would be refused", async () => {
    const whole = await sharp(portraitPath).jpeg().toBuffer();
    await writeFile(join(dataDir, "input_photos", "broken.jpg"), whole.subarray(0, whole.length / 2));
    await using tab = await openTab(browser, `${veil.address}/#/folder`);
    const { page } = tab;
    await logIn(page, await keyFor("reader", "read"));
    await page.getByRole("row").filter({ hasText: "broken.jpg" }).waitFor();
    assert.equal(await viewLink(page, "Photos").count(), 0);
    assert.equal(await page.getByRole("button", { name: /Try .* again|Pause/i }).count(), 0);
    await assertAccessible(page, "the folder of a reader");
    await page.getByRole("button", { name: "Log out" }).click();
    await logIn(page, await keyFor("boss", "admin"));
    await page
      .getByRole("button", { name: /^Pause/ })
      .first()
      .waitFor();
    await page.getByRole("row").filter({ hasText: "broken.jpg" }).getByRole("button").first().waitFor();
  });

  test("a session that ends is asked to log in again, on a small screen and in Chinese too", async () => {
    const key = await keyFor("short", "submit", "read");
    await using tab = await openTab(browser, veil.address, { viewport: { width: 390, height: 844 }, locale: "zh-CN" });
    const { page } = tab;
    await page.getByRole("textbox", { name: "API 密钥" }).fill(key);
    await page.getByRole("button", { name: "用密钥登录" }).click();
    await page.getByRole("heading", { name: /放入照片/ }).waitFor();
    await page.getByText("只会发送到贵单位的 veil").waitFor();
    await assertNoSidewaysScroll(page, "logged in on a small screen");
    await runVeil(["--data-dir", dataDir, "keys", "revoke", key.split("_")[1]!]);
    await page.getByRole("heading", { name: "登录" }).waitFor();
    await page.getByRole("textbox", { name: "API 密钥" }).fill(key);
    await page.getByRole("button", { name: "用密钥登录" }).click();
    await page.getByText("没有这个密钥，或者它已被吊销或已过期。").waitFor();
    await assertNoSidewaysScroll(page, "the login on a small screen");
  });
});
