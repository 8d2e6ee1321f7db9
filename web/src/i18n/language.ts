import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { en } from "./en.ts";
import { zh } from "./zh.ts";

export type Language = "zh" | "en";
const storageKey = "veil-language";
const tags: Record<Language, string> = { zh: "zh-CN", en: "en" };

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "page";
    keySeparator: false;
    nsSeparator: false;
    resources: { page: typeof en };
  }
}

/** Speaks the language chosen before, else the browser's first of the two, else English. */
export function startLanguage(): void {
  const language = remembered() ?? fromBrowser();
  i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: "en",
    resources: { en: { page: en }, zh: { page: zh } },
    defaultNS: "page",
    keySeparator: false,
    nsSeparator: false,
    interpolation: { escapeValue: false },
    initAsync: false,
  });
  document.documentElement.lang = tags[language];
}

/** Changes the language and remembers it. */
export function chooseLanguage(language: Language): void {
  localStorage.setItem(storageKey, language);
  document.documentElement.lang = tags[language];
  void i18next.changeLanguage(language);
}

function remembered(): Language | undefined {
  const value = localStorage.getItem(storageKey);
  return value === "zh" || value === "en" ? value : undefined;
}

function fromBrowser(): Language {
  for (const tag of navigator.languages) {
    if (tag.startsWith("zh")) return "zh";
    if (tag.startsWith("en")) return "en";
  }
  return "en";
}
