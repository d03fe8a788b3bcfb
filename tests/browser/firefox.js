// A walk through the demo in Firefox, which fails on whatever the page complains about: see CONTRIBUTING.md.
//
//   node tests/browser/firefox.js http://127.0.0.1:7860 FOLDER
//
// FOLDER takes a screenshot of every station, to be looked at.

import { mkdirSync } from "node:fs";
import puppeteer from "puppeteer-core";

const [address, folder] = process.argv.slice(2);
const PATIENCE = 150_000; // ms; the model may still be loading
const problems = [];

mkdirSync(folder, { recursive: true });
const browser = await puppeteer.launch({ browser: "firefox", executablePath: "/usr/bin/firefox", headless: true });
const page = await browser.newPage();
page.setDefaultTimeout(PATIENCE);
page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
page.on("pageerror", (error) => problems.push(error.message));
page.on("response", (answer) => answer.status() >= 400 && problems.push(`${answer.status()} ${answer.url()}`));

const settle = () => new Promise((resolve) => setTimeout(resolve, 800)); // what moves has come to rest
const look = async (name) => {
  await settle();
  await page.screenshot({ path: `${folder}/${name}.png` });
};
const search = async (query) => {
  const before = await page.$eval("#lens [data-search]", (lens) => lens.dataset.search);
  await page.$eval("#query input", (field) => field.select());
  await page.type("#query input", query);
  await page.keyboard.press("Enter");
  await page.waitForFunction((id) => document.querySelector("#lens [data-search]").dataset.search !== id, {}, before);
};

await page.setViewport({ width: 1440, height: 900 });
await page.goto(address, { waitUntil: "domcontentloaded", timeout: PATIENCE });
await page.waitForSelector('#lens [data-search]:not([data-search="example"])');
await look("first");
await search("who chairs the audit committee");
await look("search");
await page.hover('#lens .chip[data-token="w1"]');
await look("hover");
await page.click('#lens .chip[data-token="w1"]');
for (const overlay of await page.$$eval("#lens [data-part=overlay] button", (all) =>
  all.map((b) => b.dataset.choice),
)) {
  await page.click(`#lens [data-part=overlay] [data-choice=${overlay}]`);
  await look(`overlay-${overlay}`);
}
await page.click("#lens [data-versus]");
await page.waitForFunction(() => document.querySelectorAll("#lens .stage").length === 2);
await look("compared");
await page.click("#lens [data-versus]");
await page.click("#lens [data-part=present]");
await page.waitForSelector("#lens .presenting");
await look("presented");
await page.keyboard.press("f");
await page.waitForSelector("#lens .lens:not(.presenting)");
await page.click("::-p-aria([name='How it works'][role='tab'])");
await page.waitForSelector("#lessons [data-lesson]", { visible: true });
await page.keyboard.press("f");
const cards = (await page.$$("#lessons .steps a")).length;
for (let card = 1; card <= cards; card++) {
  await look(`card-${card}`);
  await page.keyboard.press("PageDown");
}
await browser.close();
if (problems.length) throw new Error(problems.join("\n"));
console.log(`Nothing to complain about; look at the pictures in ${folder}.`);
