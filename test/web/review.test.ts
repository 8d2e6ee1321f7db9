import assert from "node:assert/strict";
import { access, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import type { ReviewBody, ReviewsResponse } from "../../src/http/schema.ts";
import { type Program, startProgram, temporaryDataDir, until } from "../e2e/program.ts";
import { detailCorrelation, pixelsOf } from "../fixtures/pixels.ts";
import { runVeil } from "../fixtures/veil-command.ts";
import { json } from "../http/client.ts";
import { assertAccessible, assertNoSidewaysScroll, noBrowser, openTab, startBrowser } from "./browser.ts";
import { drag, regionRows } from "./desk.ts";

const portraitPath = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
/** In the portrait, 512 pixels square: the face, and the mission patch on the sleeve, full of detail. */
const face = { x: 175, y: 55, width: 97, height: 124 };
const patch = { x: 135, y: 385, width: 70, height: 75 };
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, locale: "zh-CN" };

describe("the page's review desk", { skip: noBrowser }, () => {
  let dataDir: string;
  let veil: Program;
  let browser: Browser;
  const keys = { anna: "", boris: "", reader: "" };
  const ids = new Map<string, string>();

  const input = (name: string) => join(dataDir, "input_photos", name);
  const output = (name: string) => join(dataDir, "output_anonymous", name);
  const authorization = (key: string) => ({ authorization: `Bearer ${key}` });
  const ask = async <T>(path: string) =>
    (await (await fetch(`${veil.address}${path}`, { headers: authorization(keys.boris) })).json()) as T;
  const reviewOf = (name: string) => ask<ReviewBody>(`/api/v1/reviews/${ids.get(name)}`);
  /** What somebody else decides meanwhile. */
  const decide = async (name: string, verb: "approve" | "reject") => {
    const [body, type] = json({});
    const headers = { ...type, ...authorization(keys.boris) };
    const answer = await fetch(`${veil.address}/api/v1/reviews/${ids.get(name)}/${verb}`, {
      ...{ method: "POST", body, headers },
    });
    assert.ok(answer.ok, `${verb} ${name}: ${answer.status}`);
  };

  before(async () => {
    dataDir = await temporaryDataDir();
    const keyFor = async (name: string, ...roles: string[]) => {
      const flags = roles.flatMap((role) => ["--role", role]);
      return (await runVeil(["--data-dir", dataDir, "keys", "create", name, ...flags])).out.trim();
    };
    keys.anna = await keyFor("Anna", "review");
    keys.boris = await keyFor("Boris", "review", "audit");
    keys.reader = await keyFor("reader", "read");
    // With such a score the flat mask itself passes for a head, so the second look is sure to see one more.
    const policy = "policy: { verify: hold, minScore: 0.1, profile: fast, style: solid }";
    const folder = "folder: { settleMs: 100, incompleteMs: 500, reconcileMs: 1000 }";
    await writeFile(join(dataDir, "veil.yaml"), `${policy}\n${folder}\nauth: { required: true }\n`);
    veil = await startProgram({ dataDir });
    const portrait = sharp(portraitPath);
    const small = await portrait.clone().resize(256).jpeg().toBuffer();
    const names = ["first.jpg", "two.jpg", "three.jpg", "nobody.jpg", "no.jpg", "race.jpg", "watched.jpg", "gone.jpg"];
    const pictures = new Map<string, Buffer>(names.map((name) => [name, small]));
    pictures.set("large.jpg", await portrait.clone().resize(2560).jpeg().toBuffer());
    const frames = await Promise.all(
      [1, 1.1].map((brightness) => portrait.clone().resize(256).modulate({ brightness }).png().toBuffer()),
    );
    pictures.set(
      "moving.gif",
      await sharp(frames, { join: { animated: true } })
        .gif()
        .toBuffer(),
    );
    for (const [name, bytes] of pictures) await writeFile(input(name), bytes);
    [browser] = await Promise.all([startBrowser(), until("all are held", everyHeld(pictures.size))]);
  });
  after(async () => {
    await browser?.close();
    await veil?.[Symbol.asyncDispose]();
    if (dataDir) await rm(dataDir, { recursive: true, force: true });
  });

  function everyHeld(count: number) {
    return async () => {
      const { reviews } = await ask<ReviewsResponse>("/api/v1/reviews");
      for (const { id, input } of reviews) ids.set(input.key, id);
      return reviews.length === count;
    };
  }

  /** The folder's view, logged in; counts how often an original is asked for. */
  async function open(key: string, at = "#/folder", options: Parameters<typeof openTab>[2] = {}) {
    const tab = await openTab(browser, `${veil.address}/${at}`, options);
    const { page } = tab;
    const looks: string[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/original")) looks.push(request.url());
    });
    await page.locator("input[type=password]").fill(key);
    await page.keyboard.press("Enter");
    return { page, looks, [Symbol.asyncDispose]: () => tab[Symbol.asyncDispose]() };
  }
  const row = (page: Page, name: string) => page.getByRole("row").filter({ hasText: name });
  const button = (page: Page, name: RegExp | string) => page.getByRole("button", { name, exact: true });
  const toDesk = (page: Page, name: string) =>
    row(page, name)
      .getByRole("link", { name: /^Look and decide/ })
      .click();
  /** From the row to the picture, which somebody asks for twice: the row and what says that it is recorded. */
  async function look(page: Page, name: string) {
    await toDesk(page, name);
    await button(page, "Show the picture").click();
    await page.locator(".a9s-annotationlayer").waitFor();
  }
  const headed = (page: Page, name: string) => page.getByRole("heading", { level: 1, name }).waitFor();
  const viewed = async (name: string) => {
    const { records } = await ask<{ records: { record: { who?: string; job?: { id: string } } }[] }>(
      "/api/v1/ledger/records?outcome=viewed",
    );
    return records.filter(({ record }) => record.job?.id === ids.get(name)).map(({ record }) => record.who);
  };

  test("what a person draws in a picture larger than its preview is masked there and nothing else, after one look", async () => {
    await using desk = await open(keys.anna);
    const { page, looks } = desk;
    await toDesk(page, "large.jpg");
    await page.getByText("with your name (Anna)").waitFor();
    assert.deepEqual(looks, [], "nothing is fetched before a person asks");
    await page.keyboard.press("Enter");
    await page.locator(".a9s-annotationlayer").waitFor();
    const url = await page.getByRole("region", { name: "Original: large.jpg" }).locator("img").getAttribute("src");
    assert.equal(await page.evaluate("document.querySelector('article section img').naturalWidth"), 2048);
    const shown = await regionRows(page).count();
    assert.equal(shown, (await reviewOf("large.jpg")).regions!.length);
    await button(page, `Mask all ${shown} that were found`).waitFor();
    while ((await regionRows(page).count()) > 0) await button(page, /^Remove region 1$/).click();
    assert.equal(await button(page, "Mask these 0 regions").isDisabled(), true);
    await drag(page, 512, [patch.x, patch.y], [patch.x + patch.width, patch.y + patch.height]);
    await page.getByText("Drawn or moved by you 1").waitFor();
    await page.getByRole("button", { name: "Larger" }).click();
    assert.equal(looks.length, 1, "no render asks for it again");

    await button(page, "Mask this region").click();
    await page.getByText("Approved: it will be masked").waitFor();
    await page.getByAltText("Masked: large.jpg").waitFor({ timeout: 30_000 });
    const [original, result] = await Promise.all(
      [portraitPath, output("large.jpg")].map(async (file) => pixelsOf(await sharp(file).resize(512).png().toBuffer())),
    );
    assert.ok(Math.abs(detailCorrelation(original!, result!, patch)) < 0.1, "the drawn region is masked");
    assert.ok(detailCorrelation(original!, result!, face) > 0.95, "what was removed is not");
    assert.deepEqual(
      await until("the look is sealed", async () => {
        const records = await viewed("large.jpg");
        return records.length > 0 && records;
      }),
      ["session:Anna"],
    );
    const left = await page.evaluate(`(async () => {
      const image = new Image();
      image.src = "${url}";
      const opens = await image.decode().then(() => true, () => false);
      const kept = Object.keys({ ...localStorage, ...sessionStorage }).filter((name) => !name.startsWith("veil-") && !name.startsWith("mantine-"));
      return [opens, document.querySelector("img[src^='blob:']") !== null, kept, await caches.keys(), (await indexedDB.databases()).length];
    })()`);
    assert.deepEqual(left, [false, false, [], [], 0]);
  });

  test("a row leads to the picture and back by keys alone, a decision on to the next one, which is a look of its own", async () => {
    await using desk = await open(keys.anna);
    const { page, looks } = desk;
    const link = row(page, "first.jpg").getByRole("link", { name: /^Look and decide/ });
    await link.press("Enter");
    await headed(page, "first.jpg");
    await page.getByRole("link", { name: "Back to the folder" }).press("Enter");
    await page.locator("a:focus", { hasText: "Look and decide" }).waitFor();
    await page.keyboard.press("Enter");
    await button(page, "Show the picture").waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".a9s-annotationlayer").waitFor();
    await regionRows(page).nth(0).getByRole("button").first().press("Delete");
    await button(page, /^Mask these \d+ regions$/).waitFor();
    await page.keyboard.press("Control+z");
    // As it was found, so that there is one way to say so.
    await button(page, /^Mask all \d+ that were found$/).press("Enter");
    await button(page, /^Look at the next one/).press("Enter");
    await page.locator(".a9s-annotationlayer").waitFor();
    assert.equal(looks.length, 2);
    const name = await page.getByRole("heading", { level: 1 }).textContent();
    await page.reload();
    await button(page, "Show the picture").waitFor();
    assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), name, "the address says which one");
    assert.equal(looks.length, 2, "a reload is no look");
    await until("it is masked", async () => (await reviewOf("first.jpg")).job.state === "approved", 5000);
  });

  test("where there is no face a person says so twice, and the picture is written anew", async () => {
    await using desk = await open(keys.anna);
    const { page } = desk;
    await look(page, "nobody.jpg");
    await button(page, "There is no face…").click();
    await page.getByText("The picture is written without any mask").waitFor();
    await page.keyboard.press("Escape");
    await button(page, "There is no face…").click();
    await button(page, "There is no face in it").click();
    await page.getByText("Written anew, without a mask.").waitFor({ timeout: 20_000 });
    const [before, now] = await Promise.all([input("nobody.jpg"), output("nobody.jpg")].map((file) => pixelsOf(file)));
    assert.ok(detailCorrelation(before!, now!, { x: 88, y: 28, width: 48, height: 62 }) > 0.9);
    assert.notDeepEqual(await readFile(input("nobody.jpg")), await readFile(output("nobody.jpg")));
    assert.equal(await page.locator("article img").count(), 0, "what has no mask is not shown again");
  });

  test("what is rejected with a reason has no result, and keys that write the reason do nothing to regions", async () => {
    await using desk = await open(keys.anna);
    const { page } = desk;
    await look(page, "no.jpg");
    const rows = await regionRows(page).count();
    await regionRows(page).nth(0).getByRole("button").first().click();
    await button(page, "Reject…").click();
    await page
      .locator("input:focus")
      .and(page.getByRole("textbox", { name: "Why? (optional)" }))
      .waitFor();
    await page.keyboard.type("not to be shownx");
    await page.keyboard.press("Backspace");
    assert.equal(await regionRows(page).count(), rows);
    await page.keyboard.press("Enter");
    await page.getByText("Rejected: no result is written").waitFor();
    await assert.rejects(access(output("no.jpg")), { code: "ENOENT" });
    const shown = await runVeil(["--data-dir", dataDir, "jobs", "show", ids.get("no.jpg")!]);
    assert.match(shown.out, /not to be shown"/);
    await page.getByRole("link", { name: "Back to the folder" }).first().click();
    await row(page, "no.jpg").getByText("Rejected", { exact: true }).waitFor();
  });

  test("where somebody else was faster the page says who and what became of it, and shows the original no longer", async () => {
    await using desk = await open(keys.anna);
    const { page } = desk;
    await look(page, "race.jpg");
    // It hears nothing of what happens elsewhere until it asks to decide.
    let isDeaf = true;
    await page.route(`**/api/v1/reviews/${ids.get("race.jpg")}`, (route) =>
      isDeaf ? route.abort() : route.continue(),
    );
    await decide("race.jpg", "approve");
    isDeaf = false;
    const refused = page.waitForResponse((answer) => answer.status() === 409);
    await button(page, "Reject…").click();
    await button(page, "Reject").click();
    assert.match((await refused).headers().location ?? "", /\/api\/v1\/jobs\//);
    await page.getByText(/^Boris was faster: Approved, /).waitFor();
    await page.getByAltText("Masked: race.jpg").waitFor({ timeout: 20_000 });
    assert.equal(await page.locator("img[src^='blob:']").count(), 0);

    await page.getByRole("link", { name: "Back to the folder" }).first().click();
    await look(page, "watched.jpg");
    await decide("watched.jpg", "reject");
    await page.getByText(/^Boris was faster: Rejected, /).waitFor({ timeout: 10_000 });
    assert.equal(await page.locator("img[src^='blob:']").count(), 0);
  });

  test("an original that is gone or has changed can't be masked any more, and that is said", async () => {
    await using desk = await open(keys.anna);
    const { page } = desk;
    await unlink(input("gone.jpg"));
    await toDesk(page, "gone.jpg");
    await button(page, "Show the picture").click();
    await page.getByText("The original is gone").waitFor();
    assert.equal(await button(page, /^Mask/).count(), 0);
    await page.getByRole("link", { name: "Back to the folder" }).first().click();
    await toDesk(page, "two.jpg");
    await writeFile(input("two.jpg"), await sharp(portraitPath).resize(200).jpeg().toBuffer());
    await button(page, "Show the picture").click();
    await page.getByText("The original has changed since it was held").waitFor();
    await assertAccessible(page, "an original that has changed");
    await button(page, "Reject…").click();
    await button(page, "Reject").click();
    await page.getByText("Rejected: no result is written").waitFor();
  });

  test("of an animation the first frame is shown, and what was found in the others goes back as it came", async () => {
    await using desk = await open(keys.anna);
    const { page } = desk;
    await look(page, "moving.gif");
    await page.getByText("An animation of 2 frames, of which only the first is shown").waitFor();
    await regionRows(page).filter({ hasText: "frames 2" }).first().waitFor();
    await button(page, "There is no face…").click();
    await page.getByText("You have not seen 1 of its frames.").waitFor();
    await button(page, "Cancel").click();
    const { regions } = await reviewOf("moving.gif");
    const [first, ...rest] = regions!;
    assert.equal(first!.frame, 0);
    await button(page, "Remove region 1").click();
    const sent = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/approve"));
    await button(page, /^Mask these \d+ regions$/).click();
    const body = (await sent).postDataJSON() as ReviewBody;
    const bySaid = (some: NonNullable<ReviewBody["regions"]>) => some.map((one) => JSON.stringify(one)).toSorted();
    assert.deepEqual(bySaid(body.regions!), bySaid(rest));
    assert.ok(rest.some(({ keypoints, frame }) => keypoints && frame === 1));
    await page.getByText("Approved: it will be masked").waitFor();
  });

  test("whoever has no role for it finds no way there, and an address tells which role it takes", async () => {
    await using desk = await open(keys.reader);
    const { page, looks } = desk;
    await row(page, "three.jpg").getByText("To review", { exact: true }).waitFor();
    assert.equal(await page.getByRole("link", { name: /^Look and decide/ }).count(), 0);
    await page.goto(`${veil.address}/#/folder/review/${ids.get("three.jpg")}`);
    await page.getByText("You may not look at originals").waitFor();
    await page.getByText("takes the role “review”").waitFor();
    assert.deepEqual(looks, []);
    await assertAccessible(page, "without the role");
  });

  test("there is no barrier on a small screen in Chinese, nor on a large one in the dark", async () => {
    await using small = await open(keys.anna, "#/folder", phone);
    const { page } = small;
    await page.getByRole("link", { name: /^查看并决定：three/ }).click();
    await assertAccessible(page, "the gate");
    await page.getByRole("button", { name: "显示图片" }).click();
    await page.locator(".a9s-annotationlayer").waitFor();
    await page.getByText(/^第一次检测到 \d+ 张人脸，第二次检测又多出 \d+ 处，因此存疑。/).waitFor();
    await page.getByRole("button", { name: "添加区域" }).click();
    for (const where of ["the picture", "its rejection"]) {
      await assertAccessible(page, where);
      await assertNoSidewaysScroll(page, where);
      const reject = page.getByRole("button", { name: /^拒绝/ });
      const { x, width, y, height } = (await reject.boundingBox())!;
      assert.ok(x >= 0 && x + width <= 390 && y + height <= 844, `${where}: the button is out of sight`);
      await reject.click();
    }
    await page.getByText("已拒绝，不会写出结果").waitFor();

    await using large = await open(keys.anna, "#/folder", { colorScheme: "dark" });
    await assertAccessible(large.page, "the rows");
    await large.page
      .getByRole("link", { name: /^Look and decide/ })
      .first()
      .click();
    await button(large.page, "Show the picture").click();
    await large.page.locator(".a9s-annotationlayer").waitFor();
    await regionRows(large.page).nth(0).getByRole("button").first().click();
    await assertAccessible(large.page, "a region that is selected");
    await button(large.page, "Log out").click();
    await large.page.getByRole("heading", { name: "Log in" }).waitFor();
    assert.equal(await large.page.locator("img[src^='blob:']").count(), 0, "it goes with the session");
  });
});
