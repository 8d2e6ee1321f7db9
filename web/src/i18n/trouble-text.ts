import type { TFunction } from "i18next";
import type { Trouble } from "../api/answer.ts";
import { problemTitles } from "./problem-titles.ts";

const own = ["offline", "bad-answer", "too-large-here"] as const;
type OwnCode = (typeof own)[number];

/** A trouble's title in the page's language: our own words for our own codes, else the server's. */
export function troubleTitle({ code, title }: Pick<Trouble, "code" | "title">, t: TFunction, language: string): string {
  if (own.includes(code as OwnCode)) return t(`problem.${code as OwnCode}.title`);
  return (language === "zh" && problemTitles[code]) || title;
}

/** What to do about it, where something can be said. */
export function troubleRemedy({ code, remedy }: Trouble, t: TFunction): string | undefined {
  return code === "offline" ? t("problem.offline.remedy") : remedy;
}
